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


class TestSecretFiles:
    """As containers are given them: a file for each variable."""

    def test_a_file_stands_for_the_variable_of_its_name(self, tmp_path):
        (tmp_path / "v2v_database_password").write_text("correct horse\n", encoding="utf-8")
        for empty in ("V2V_ASSEMBLYAI_API_KEY", "V2V_CALLBACK_SECRETS"):
            (tmp_path / empty).touch()
        (tmp_path / "somebody_else's").write_text("?", encoding="utf-8")
        settings = load_settings(tmp_path)
        assert settings.database_password.get_secret_value() == "correct horse"
        assert settings.assemblyai_api_key.get_secret_value() == ""
        assert "correct horse" not in repr(settings)

    def test_a_variable_comes_before_its_file(self, monkeypatch, tmp_path):
        (tmp_path / "V2V_DATABASE_PASSWORD").write_text("file", encoding="utf-8")
        monkeypatch.setenv("V2V_DATABASE_PASSWORD", "environment")
        assert load_settings(tmp_path).database_password.get_secret_value() == "environment"

    def test_what_is_wrong_with_one_is_said_without_it(self, tmp_path):
        (tmp_path / "V2V_CALLBACK_SECRETS").write_text("{correct horse", encoding="utf-8")
        with pytest.raises(SettingsError, match="V2V_CALLBACK_SECRETS=…: ") as caught:
            load_settings(tmp_path)
        assert "horse" not in str(caught.value)

    def test_one_that_is_no_text_is_a_fault_that_does_not_show_it(self, tmp_path):
        (tmp_path / "V2V_DATABASE_PASSWORD").write_bytes(b"horse\xff")
        with pytest.raises(SettingsError, match=r'"database_password".*this is not UTF-8') as caught:
            load_settings(tmp_path)
        assert "horse" not in str(caught.value)


class TestRules:
    RULES = '[{"tag": "escalate", "when": "customer.anger_last_quarter > 0.5 and agent.talk_share > 0.7"}]'

    def test_they_are_a_list_or_the_path_of_a_file_with_one(self, monkeypatch, tmp_path):
        assert load_settings().rules == ()
        monkeypatch.setenv("V2V_RULES", "")
        assert load_settings().rules == ()
        monkeypatch.setenv("V2V_RULES", f"  {self.RULES}")
        given = load_settings().rules
        assert [rule.tag for rule in given] == ["escalate"]
        file = tmp_path / "rules.json"
        file.write_text(self.RULES, encoding="utf-8")
        monkeypatch.setenv("V2V_RULES", str(file))
        assert load_settings().rules == given

    @pytest.mark.parametrize(
        ("value", "fault"),
        [
            ("[", "this is not JSON; give a list such as "),
            ("/nowhere/rules.json", "No such file or directory; give a list such as "),
            ('{"tag": "long"}', "No such file or directory; give a list such as "),
            (RULES.replace("anger_", "angre_"), "at character 1 there is no measure 'customer.angre_last_quarter'; "),
            (RULES.replace(" >", "", 1), "at character 29 there is '0.5'; expected one of < <= > >= == !="),
            (RULES.replace("when", "if"), "Field required"),
            (RULES.replace("escalate", "Escalate!"), "String should match pattern "),
            (f"[{', '.join([RULES[1:-1]] * 51)}]", "Tuple should have at most 50 items "),
        ],
    )
    def test_what_is_wrong_with_them_is_said_at_the_start(self, monkeypatch, value, fault):
        monkeypatch.setenv("V2V_RULES", value)
        with pytest.raises(SettingsError) as caught:
            load_settings()
        lines = str(caught.value).splitlines()
        assert all(line.startswith("V2V_RULES=") for line in lines)
        assert f": {fault}" in lines[0]

    @pytest.mark.parametrize("content", [b"", b"escalate", b"\xff[]", b'{"tag": "long", "when": "1 > 0"}'])
    def test_a_file_that_holds_no_list_is_named(self, monkeypatch, tmp_path, content):
        file = tmp_path / "rules.json"
        file.write_bytes(content)
        monkeypatch.setenv("V2V_RULES", str(file))
        with pytest.raises(SettingsError, match=r"^V2V_RULES="):
            load_settings()


def test_the_data_folder_is_made(tmp_path):
    uploads = prepare_data_dir(Settings(data_dir=tmp_path / "new" / "data"))
    assert uploads.is_dir()
    assert uploads.is_relative_to(tmp_path / "new" / "data")


def test_a_data_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"^V2V_DATA_DIR=.*/file/data: Not a directory; "):
        prepare_data_dir(Settings(data_dir=tmp_path / "file" / "data"))
