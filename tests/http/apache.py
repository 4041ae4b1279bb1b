"""Apache with NTLM (gss-ntlmssp), Negotiate (a KDC of our own) and Basic, each in front of server.py, and of Radicale."""
import os
import subprocess

import pytest
from servers import ALICE, free_port, needs

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
ProxyPass /caldav/ http://127.0.0.1:{caldav}/
<Location />
  AuthName test
  Require valid-user
</Location>
<LocationMatch ^/(ntlm|caldav)/>
  AuthType GSSAPI
  GssapiAllowedMech ntlmssp
  GssapiConnectionBound On
</LocationMatch>
<Location /caldav/>
  RequestHeader set X-Script-Name /caldav
  RequestHeader set X-Remote-User alice
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


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def apache(folder, start, backend, kerberos, trusting_radicale):
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
                                                      backend=backend["plain"], caldav=trusting_radicale))
    start(port, APACHE, "-f", folder / "apache.conf", "-DFOREGROUND", log=folder / "apache.out",
          env={**kerberos, "NTLM_USER_FILE": f"{folder}/ntlm", "NETBIOS_DOMAIN_NAME": "TEST",
               "NETBIOS_COMPUTER_NAME": "LOCALHOST"})
    return {"plain": f"http://localhost:{port}", "tls": f"https://localhost:{tls}"}
