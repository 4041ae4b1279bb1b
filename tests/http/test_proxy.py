"""Through tinyproxy: forwarding, tunnels, a proxy that wants a password."""
import pytest
from servers import free_port, needs

TINYPROXY = "/usr/bin/tinyproxy"


@pytest.fixture(scope="module")
def proxies(folder, start):
    """(port, port of one that wants a password)"""
    needs(TINYPROXY)
    ports = []
    for name, more in (("open", ""), ("closed", "BasicAuth keeper s3same\n")):
        port = free_port()
        config = folder / f"{name}.conf"
        config.write_text(f"Port {port}\nListen 127.0.0.1\nTimeout 20\nMaxClients 20\nAllow 127.0.0.1\n{more}"
                          f'LogFile "{folder}/{name}.log"\n')
        (folder / f"{name}.log").touch()
        (folder / f"{name}.log").chmod(0o666)
        start(port, TINYPROXY, "-d", "-c", config)
        ports.append(port)
    return ports


def url(backend, path, name="plain"):
    return f"http{'' if name == 'plain' else 's'}://127.0.0.1:{backend[name]}/{path}"


def test_forwards_and_tunnels(proxies, backend, request_):
    proxy = f"http://127.0.0.1:{proxies[0]}"
    plain, tls = request_("--proxy", proxy, "--ca", backend["ca"], url(backend, "echo"), url(backend, "echo", "tls"))
    assert plain["status"] == tls["status"] == "OK"
    assert "Via:" in plain["body"] and "Via:" not in tls["body"]


def test_the_certificate_is_the_servers(proxies, backend, request_):
    answers = request_("--proxy", f"http://127.0.0.1:{proxies[0]}", "--ca", backend["ca"],
                       url(backend, "hello", "wrong_name"))
    assert answers[0]["status"] == "DENIED"


def test_a_request_may_choose(proxies, backend, request_):
    answers = request_("--proxy", "http://127.0.0.1:1", url(backend, "echo"),
                       "--via", f"http://127.0.0.1:{proxies[0]}", url(backend, "echo"))
    assert [a["status"] for a in answers] == ["UNAVAILABLE", "OK"]
    answers = request_("--proxy", "http://127.0.0.1:1", "--no-proxy", "127.0.0.1", url(backend, "echo"))
    assert answers[0]["status"] == "OK"


def test_the_environment_does_not_count(backend, request_):
    wrong = "http://127.0.0.1:1"
    answers = request_(url(backend, "hello"), env={"http_proxy": wrong, "https_proxy": wrong, "all_proxy": wrong})
    assert answers[0]["status"] == "OK"


@pytest.mark.parametrize("name", ["plain", "tls"])
def test_passwords(proxies, backend, request_, name):
    closed = f"http://127.0.0.1:{proxies[1]}"
    target = url(backend, "echo", name)
    good = request_("--proxy", closed, "--proxy-user", "keeper", "--proxy-secret", "s3same", "--ca", backend["ca"], target)
    assert good[0]["status"] == "OK"
    assert "Proxy-Authorization" not in good[0]["body"]
    for args in (("--proxy-user", "keeper", "--proxy-secret", "wr0ng"), ()):
        if args and name == "plain":
            continue  # tinyproxy then answers with 401, as if it were the server
        bad = request_("--proxy", closed, *args, "--ca", backend["ca"], target)
        assert bad[0]["status"] == "UNAVAILABLE", bad
        assert bad[0]["code"] == 0 and bad[0]["error"]


def test_the_password_is_for_the_configured_one_alone(proxies, backend, request_):
    answers = request_("--proxy", f"http://127.0.0.1:{proxies[0]}", "--proxy-user", "keeper", "--proxy-secret", "s3same",
                       "--via", f"http://127.0.0.1:{proxies[1]}", url(backend, "echo"))
    assert answers[0]["status"] == "UNAVAILABLE"
