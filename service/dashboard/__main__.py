"""``python -m service.dashboard``: the pages, on http://127.0.0.1:8501."""

import sys
from pathlib import Path
from typing import Any

from service.audio import contained
from service.dashboard.settings import DashboardSettings, SettingsError, load_settings
from service.security.addresses import is_loopback

_PAGE = Path(__file__).with_name("app.py")


def main() -> int:
    """Serve until SIGTERM or Ctrl-C. Returns: 2 where it cannot start."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        from streamlit import net_util
        from streamlit.web import bootstrap

        from service.dashboard import page  # noqa: F401 - what takes its time, before the first visitor waits
    except ModuleNotFoundError:
        print("The dashboard needs its extra: pip install -e '.[dashboard]', or make dashboard.", file=sys.stderr)
        return 2
    # It would ask a stranger for this machine's address when a page of another origin calls.
    net_util._external_ip = ""
    flags = options(settings)
    contained.prepare()
    print(f"\nVoice to Value shows its calls on http://{settings.host}:{settings.port}\n", flush=True)
    bootstrap.load_config_options(flags)
    bootstrap.run(str(_PAGE), is_hello=False, args=[], flag_options=flags)
    return 0


def options(settings: DashboardSettings) -> dict[str, Any]:
    """Streamlit's own options; whatever it would tell others, look up or take from a file of its own is off."""
    # A name that leads here by the trick of another page's (DNS rebinding) is none of these.
    names = ["localhost", "127.0.0.1", "::1", settings.host] if is_loopback(settings.host) else ["*"]
    return {
        "server_address": settings.host,
        "server_port": settings.port,
        "server_maxUploadSize": max(1, settings.max_upload_bytes // 2**20),
        "server_allowedHosts": names,
        "server_headless": True,
        "server_fileWatcherType": "none",
        "server_enableStaticServing": False,
        "server_enableAgentApi": False,
        "browser_gatherUsageStats": False,
        "logger_hideWelcomeMessage": True,
        "client_toolbarMode": "viewer",
        "client_showErrorDetails": "none",
        # Of each theme: one for both would end the choice between light and dark.
        "theme_light_primaryColor": "#0072B2",
        "theme_dark_primaryColor": "#56B4E9",
    }


if __name__ == "__main__":
    sys.exit(main())
