import pytest

from core import settings
from core.errors import SettingsError


def test_without_any_setting_the_home_is_in_the_users_folder_and_no_llm_is_on() -> None:
    read = settings.read({"OPENAI_API_KEY": "sk-that-happens-to-be-in-the-shell"})
    assert read.home.name == ".thimble"
    assert read.llm is None


@pytest.mark.parametrize(
    "environ",
    [
        {"THIMBLE_DATABASE_URL": "postgresql://db/thimble"},
        {"THIMBLE_STORAGE_URL": "s3://bucket"},
        {"THIMBLE_RAY_ADDRESS": "http://head:8265"},
        {"THIMBLE_LAUNCHER": "slurm"},
        {"MLFLOW_TRACKING_URI": "http://mlflow:5000"},
    ],
)
def test_a_setting_that_is_not_supported_yet_is_refused_by_name(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(environ))):
        settings.read(environ)


def test_a_misspelt_setting_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(SettingsError, match="Did you mean THIMBLE_HOME"):
        settings.read({"THIMBLE_HOM": "/tmp/x"})


def test_a_key_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(SettingsError, match="8 characters"):
        settings.read({"THIMBLE_API_KEY": "password"})


@pytest.mark.parametrize("value", ["0", "-1", "ten", "1e3"])
def test_an_upload_limit_that_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="THIMBLE_MAX_UPLOAD_MB"):
        settings.read({"THIMBLE_MAX_UPLOAD_MB": value})


def test_a_price_is_read_per_million_tokens() -> None:
    price = settings.read({"THIMBLE_LLM_PRICE": "0.15/0.60 USD"}).llm_price
    assert price is not None
    assert price.of(1_000_000, 500_000) == pytest.approx(0.45)
    assert price.currency == "USD"


@pytest.mark.parametrize("value", ["0.15", "0.15/0.60", "-1/2 USD", "a/b USD", "1/2 dollars"])
def test_a_price_that_cannot_be_read_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="THIMBLE_LLM_PRICE"):
        settings.read({"THIMBLE_LLM_PRICE": value})


@pytest.mark.parametrize(
    "value",
    [
        "localhost:8000/v1",
        "http:///v2",
        "ftp://x/v1",
        "http://[::1",
        "http://x:99999/v1",
        "http://a b",
    ],
)
def test_an_address_that_is_none_is_refused_without_repeating_it(value: str) -> None:
    with pytest.raises(SettingsError, match="THIMBLE_LLM_BASE_URL") as refusal:
        settings.read({"THIMBLE_LLM_BASE_URL": value})
    assert value not in str(refusal.value)


def test_an_address_and_a_key_lose_the_blanks_around_them() -> None:
    read = settings.read(
        {"THIMBLE_LLM_BASE_URL": " https://llm.example/v1\n", "THIMBLE_LLM_API_KEY": "sk-1 \n"}
    )

    assert (read.llm_base_url, read.llm_api_key) == ("https://llm.example/v1", "sk-1")


@pytest.mark.parametrize("value", ["schlüssel", "a\nb", "密钥"])
def test_a_key_that_cannot_be_sent_is_refused_without_repeating_it(value: str) -> None:
    with pytest.raises(SettingsError, match="THIMBLE_LLM_API_KEY") as refusal:
        settings.read({"THIMBLE_LLM_API_KEY": value})
    assert value not in str(refusal.value)
