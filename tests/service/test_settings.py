import pytest

from service.settings import Settings, SettingsError, load_settings, prepare_data_dir


def test_every_setting_is_documented():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_settings_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("V2V_PORT", "9000")
    monkeypatch.setenv("V2V_AGENT_EMOTIONS", "true")
    monkeypatch.setenv("V2V_TEXT_MODELS", "sentiment_model, emotion_model,")
    settings = load_settings()
    assert (settings.port, settings.agent_emotions) == (9000, True)
    assert settings.text_models == ("sentiment_model", "emotion_model")


def test_a_bad_setting_is_named_with_its_value(monkeypatch):
    monkeypatch.setenv("V2V_PORT", "eighty")
    monkeypatch.setenv("V2V_CONCURRENCY", "0")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    port, concurrency = str(caught.value).splitlines()
    assert port.startswith("V2V_PORT=eighty: ")
    assert concurrency == "V2V_CONCURRENCY=0: Input should be greater than 0"


def test_the_data_folder_is_made(tmp_path):
    uploads = prepare_data_dir(Settings(data_dir=tmp_path / "new" / "data"))
    assert uploads.is_dir()
    assert uploads.is_relative_to(tmp_path / "new" / "data")


def test_a_data_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"^V2V_DATA_DIR=.*/file/data: Not a directory; "):
        prepare_data_dir(Settings(data_dir=tmp_path / "file" / "data"))
