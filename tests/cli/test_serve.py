"""`grutext serve`: its options; tests/serving has what it answers."""

import pytest

TOKEN = "0123456789abcdef"


def test_without_its_extra_it_says_what_to_install(error, monkeypatch) -> None:
    monkeypatch.setattr("grutext.requirements.find_spec", lambda name: None)
    assert error("serve") == "grutext serve needs fastapi; install it with: pip install 'grutext[serve]'"


def test_options_become_settings_of_the_server(run, monkeypatch, tmp_path) -> None:
    pytest.importorskip("fastapi")
    from grutext import serving

    started = []
    monkeypatch.setattr(
        serving, "serve", lambda service, host, port, note: started.append((service, host, port))
    )
    (tmp_path / "token").write_text(TOKEN + "\n", encoding="utf-8")
    limits = "--max-body 1 --max-texts 2 --max-characters 3 --max-waiting 4 --max-sessions 5 --timeout 0.5"
    run(
        "serve",
        "--token-file",
        "token",
        "--allow-reload",
        "--log",
        "texts",
        "--allow-host",
        "a",
        *limits.split(),
    )
    run("serve", "--host", "0.0.0.0", "--port", "1")
    (service, *first), (other, *second) = started
    assert service.options == serving.ServerOptions(
        limits=serving.Limits(
            body=1, texts=2, characters=3, waiting=4, sessions=5, seconds=0.5, idle_seconds=300
        ),
        token=TOKEN,
        hosts=("a",),
        allow_reload=True,
        log="texts",
    )
    assert other.options == serving.ServerOptions()
    assert (first, second) == (["127.0.0.1", 8000], ["0.0.0.0", 1])


def test_what_it_cannot_do_is_refused_in_one_line(run, error) -> None:
    for seconds in ("nan", "inf"):
        assert "no finite number" in run("serve", "--timeout", seconds, check=2).stderr
    pytest.importorskip("fastapi")
    assert error("serve", "--host", "a..b").startswith("cannot listen at a..b, port 8000: that is no name")
    done = run("serve", "-m", "nowhere", "--port", "0", check=1)
    assert "the model folder nowhere does not exist" in done.stderr
    assert "listening" not in done.stderr
