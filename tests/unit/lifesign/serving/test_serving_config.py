import pytest

from lifesign.errors import ConfigurationError, LifesignError
from lifesign.serving.config import read_batching_file, read_model_config_file, read_monitoring_file
from lifesign.serving.settings import ServerSettings


def test_batching_file_in_text_form(tmp_path):
    path = tmp_path / "batching.txt"
    path.write_text("max_batch_size { value: 8 } num_batch_threads { value: 2 } allowed_batch_sizes: [4, 8]")

    parameters = read_batching_file(path)

    assert (parameters.max_batch_size, parameters.num_batch_threads) == (8, 2)
    assert (parameters.allowed_batch_sizes, parameters.max_enqueued_batches) == ((4, 8), 10)


def test_the_last_allowed_size_must_be_the_largest_batch(tmp_path):
    path = tmp_path / "batching.txt"
    path.write_text("max_batch_size { value: 8 } allowed_batch_sizes: [2, 4]")

    with pytest.raises(LifesignError, match="last entry was 4; expected 8"):
        read_batching_file(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prometheus_config { enable: true }", "/monitoring/prometheus/metrics"),
        ('prometheus_config { enable: true path: "/m" }', "/m"),
        ("prometheus_config { enable: false }", None),
    ],
)
def test_monitoring_file(tmp_path, text, expected):
    path = tmp_path / "monitoring.txt"
    path.write_text(text)

    assert read_monitoring_file(path) == expected


def test_a_file_that_does_not_parse_is_told_with_its_place(tmp_path):
    path = tmp_path / "models.config"
    path.write_text("model_config_list { nonsense }")

    with pytest.raises(ConfigurationError, match=r"models\.config is no text ModelServerConfig: 1:\d+"):
        read_model_config_file(path)


def test_settings_need_a_model():
    with pytest.raises(ConfigurationError, match="--model_base_path or --model_config_file"):
        ServerSettings()
