"""Apache: NTLM (gss-ntlmssp), Negotiate (a KDC of our own), Basic; each in front of server.py."""
import os
import re
import subprocess

import pytest
from conftest import ALICE, free_port, needs

APACHE, MODULES = "/usr/sbin/apache2", "/usr/lib/apache2/modules"
NTLM_PLUGIN = "/usr/lib/x86_64-linux-gnu/gssntlmssp/gssntlmssp.so"
REALM = "TEST.EXAMPLE"

CONFIG = """
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
Listen 127.0.0.1:{tls}
PidFile {folder}/apache.pid
ErrorLog {folder}/apache-error.log
LogFormat "%{{remote}}p %>s %u %m %U" short
CustomLog {folder}/access.log short
{modules}
{user}
KeepAlive On
Header always set X-Port "expr=%{{REMOTE_PORT}}"
{ntlm}
RequestHeader set X-Remote-User "expr=%{{REMOTE_USER}}"
ProxyPass /ntlm/ http://127.0.0.1:{backend}/
ProxyPass /kerberos/ http://127.0.0.1:{backend}/
ProxyPass /basic/ http://127.0.0.1:{backend}/
<Location />
  AuthName test
  Require valid-user
</Location>
<Location /ntlm/>
  AuthType GSSAPI
  GssapiAllowedMech ntlmssp
  GssapiConnectionBound On
</Location>
<Location /kerberos/>
  AuthType GSSAPI
  GssapiAllowedMech krb5
  GssapiCredStore keytab:{folder}/http.keytab
</Location>
<Location /basic/>
  AuthType Basic
  AuthUserFile {folder}/htpasswd
</Location>
<VirtualHost 127.0.0.1:{tls}>
  SSLEngine on
  SSLCertificateFile {folder}/tls.pem
  SSLCertificateKeyFile {folder}/tls.key
</VirtualHost>
"""

# gss-ntlmssp insists on a version in messages, which libcurl (like old clients) leaves out, though it echoes the flag.
# So the first message gets 8 zero bytes, and in the third the flag is taken back, in base64.
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
NTLM = "\n".join(['RequestHeader edit Authorization "^(NTLM TlRMTVNTUAABAAAA.*)=$" "$1AAAAAAAAAAA==" early'] +
                 [f'RequestHeader edit Authorization "^(NTLM TlRMTVNTUAADAAAA.{{69}}){DIGITS[i + 32]}" "$1{DIGITS[i]}" early'
                  for i in range(16)])

KRB5 = """[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
[realms]
 {realm} = {{
  kdc = 127.0.0.1:{port}
 }}
[domain_realm]
 localhost = {realm}
"""

KDC = """[kdcdefaults]
 kdc_listen = 127.0.0.1:{port}
 kdc_tcp_listen = 127.0.0.1:{port}
[realms]
 {realm} = {{
  database_name = {folder}/principal
  key_stash_file = {folder}/stash
 }}
"""


def run(*command, env, **more):
    subprocess.run([str(c) for c in command], check=True, env={**os.environ, **env}, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, **more)


@pytest.fixture(scope="module")
def kerberos(folder, start):
    """The environment of a user who has a ticket."""
    needs("/usr/sbin/krb5kdc", "/usr/sbin/kadmin.local", "/usr/bin/kinit")
    port = free_port()
    (folder / "krb5.conf").write_text(KRB5.format(realm=REALM, port=port))
    (folder / "kdc.conf").write_text(KDC.format(realm=REALM, port=port, folder=folder))
    env = {"KRB5_CONFIG": f"{folder}/krb5.conf", "KRB5_KDC_PROFILE": f"{folder}/kdc.conf",
           "KRB5CCNAME": f"FILE:{folder}/ticket"}
    run("/usr/sbin/kdb5_util", "create", "-s", "-P", "master", "-r", REALM, env=env)
    for command in (f"addprinc -pw {ALICE['secret']} alice", "addprinc -randkey HTTP/localhost",
                    f"ktadd -k {folder}/http.keytab HTTP/localhost"):
        run("/usr/sbin/kadmin.local", "-r", REALM, "-q", command, env=env)
    (folder / "http.keytab").chmod(0o644)
    start(port, "/usr/sbin/krb5kdc", "-n", "-r", REALM, env=env)
    run("/usr/bin/kinit", "alice", env=env, input=ALICE["secret"] + "\n", text=True)
    return env


@pytest.fixture(scope="module")
def apache(folder, start, backend, kerberos):
    needs(APACHE, f"{MODULES}/mod_auth_gssapi.so", NTLM_PLUGIN, "/usr/bin/htpasswd")
    port, tls = free_port(), free_port()
    names = ("mpm_event", "unixd", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "auth_gssapi",
             "headers", "proxy", "proxy_http", "socache_shmcb", "ssl")
    compiled = subprocess.run([APACHE, "-l"], capture_output=True, text=True, check=True).stdout
    modules = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in names
                        if f"mod_{name}.c" not in compiled)
    user = "User www-data\nGroup www-data" if os.getuid() == 0 else ""
    run("/usr/bin/htpasswd", "-bc", folder / "htpasswd", ALICE["user"], ALICE["secret"], env={})
    (folder / "ntlm").write_text(f"TEST:alice:{ALICE['secret']}\nTEST:bob:tweedle\n")
    for name in ("htpasswd", "ntlm"):
        (folder / name).chmod(0o644)
    (folder / "apache.conf").write_text(CONFIG.format(folder=folder, port=port, tls=tls, modules=modules, user=user, ntlm=NTLM,
                                                      backend=backend["plain"]))
    start(port, APACHE, "-f", folder / "apache.conf", "-DFOREGROUND", log=folder / "apache.out",
          env={**kerberos, "NTLM_USER_FILE": f"{folder}/ntlm", "NETBIOS_DOMAIN_NAME": "TEST",
               "NETBIOS_COMPUTER_NAME": "LOCALHOST"})
    return {"plain": f"http://localhost:{port}", "tls": f"https://localhost:{tls}"}


@pytest.fixture
def access(folder):
    """Lines of Apache's log since the test began: (port of the client, status, user)."""
    log = folder / "access.log"
    before = len(log.read_text()) if log.exists() else 0
    return lambda: [tuple(line.split()[:3]) for line in log.read_text()[before:].splitlines()]


def ntlm(user="TEST\\alice", secret=ALICE["secret"]):
    return ["--auth", "ntlm", "--user", user, "--secret", secret]


def user_of(answer):
    return re.search("^X-Remote-User: (.*)$", answer["body"], re.M).group(1)


@pytest.mark.parametrize("name", ["plain", "tls"])
def test_ntlm(apache, backend, request_, access, name):
    """One handshake a connection, and none of its answers is told; bodies arrive whole."""
    url = f"{apache[name]}/ntlm/echo"
    answers = request_("--ca", backend["ca"], *ntlm(), "--method", "POST", "--body", "b" * 60000, "--affinity", "a", url,
                       "--wait", url, "--wait", url)
    assert [(a["status"], a["code"]) for a in answers] == [("OK", 200)] * 3
    assert all(user_of(a).endswith("alice") and a["body"].endswith("b" * 60000) for a in answers)
    assert all("WWW-Authenticate" not in a["fields"] for a in answers)
    assert answers.stats["connections"] == 1
    assert [status for _, status, _ in access()] == ["401", "200", "200", "200"]


def test_ntlm_denied(apache, request_, access):
    wrong, unknown = request_(*ntlm(secret="wr0ngword"), f"{apache['plain']}/ntlm/echo", "--wait",
                              *ntlm(user="TEST\\eve"), f"{apache['plain']}/ntlm/echo")
    assert (wrong["status"], wrong["code"]) == (unknown["status"], unknown["code"]) == ("OK", 401)


def test_users_do_not_share_connections(apache, request_, access):
    url = f"{apache['plain']}/ntlm/echo"
    bob = ntlm("TEST\\bob", "tweedle")
    answers = request_(*ntlm(), "--affinity", "same", url, "--wait", *bob, url, "--wait", *ntlm(), url, "--wait", *bob, url,
                       "--wait", "--auth", "none", "--user", "", "--secret", "", url)
    assert [a["code"] for a in answers] == [200, 200, 200, 200, 401]
    assert ["alice" in user_of(a) for a in answers[:4]] == [True, False, True, False]
    ports = [a["fields"]["X-Port"] for a in answers]
    assert ports[0] == ports[2] and ports[1] == ports[3] and len(set(ports)) == 3


def test_a_changed_password_is_proved_anew(apache, request_):
    url = f"{apache['plain']}/ntlm/echo"
    answers = request_("--affinity", "same", *ntlm(), url, "--wait", *ntlm(secret="wr0ngword"), url)
    assert [a["code"] for a in answers] == [200, 401]


def test_many_at_a_time(apache, request_):
    """Each connection has its own handshake."""
    url = f"{apache['plain']}/ntlm/slow/100"
    answers = request_(*ntlm(), *[url] * 12, "--wait", *[url] * 12)
    assert [a["code"] for a in answers] == [200] * 24
    assert 12 <= answers.stats["connections"] <= 16


def test_negotiate(apache, backend, kerberos, request_):
    """Apache asks for a proof with each request."""
    url = f"{apache['tls']}/kerberos/echo"
    args = ["--ca", backend["ca"], "--auth", "negotiate", "--method", "POST", "--body", "whole"]
    answers = request_(*args, url, "--wait", url, env=kerberos)
    assert [a["code"] for a in answers] == [200, 200]
    assert all(user_of(a) == f"alice@{REALM}" and a["body"].endswith("whole") for a in answers)
    without = request_(*args, url, env={**kerberos, "KRB5CCNAME": "FILE:/nonexistent"})
    assert without[0]["code"] == 401 or without[0]["status"] == "DENIED"


def test_no_other_kind_is_tried(apache, kerberos, request_, access):
    """NTLM was wanted, and the server has Basic or Kerberos only: no password goes there."""
    for path in ("basic", "kerberos"):
        answers = request_(*ntlm(), f"{apache['plain']}/{path}/echo", env=kerberos)
        assert (answers[0]["status"], answers[0]["code"]) == ("OK", 401)
    basic = request_("--auth", "basic", "--user", "alice", "--secret", ALICE["secret"], f"{apache['plain']}/ntlm/echo",
                     f"{apache['plain']}/basic/echo")
    assert [a["code"] for a in basic] == [401, 200]


def test_streams_and_bounds_behind_ntlm(apache, request_):
    events, big = request_(*ntlm(), f"{apache['plain']}/ntlm/events/3/10", f"{apache['plain']}/ntlm/endless")
    assert events["body"] == "event 0\nevent 1\nevent 2\n"
    assert big["status"] == "TOO_BIG"
