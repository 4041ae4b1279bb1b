"""A certificate authority of its own for every test run, made with openssl(1)."""
import base64
import hashlib
import os
import subprocess


def _openssl(*args, stdin=None):
    return subprocess.run(["openssl", *args], input=stdin, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


class Pki:
    """`ca` signs `cert`/`key`, valid for the names and addresses given."""

    def __init__(self, folder, names, addresses):
        os.makedirs(folder, exist_ok=True)
        self.ca = os.path.join(folder, "ca.pem")
        self.cert = os.path.join(folder, "server.crt")
        self.key = os.path.join(folder, "server.key")
        ca_key = os.path.join(folder, "ca.key")
        request = os.path.join(folder, "server.csr")
        extensions = os.path.join(folder, "server.ext")
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        _openssl("req", "-x509", *curve, "-keyout", ca_key, "-out", self.ca, "-days", "30",
                 "-subj", "/CN=interop test CA",
                 "-addext", "basicConstraints=critical,CA:TRUE",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        _openssl("req", *curve, "-keyout", self.key, "-out", request, "-subj", "/CN=" + names[0])
        san = ["DNS:" + n for n in names] + ["IP:" + a for a in addresses]
        with open(extensions, "w") as f:
            f.write("subjectAltName=%s\nbasicConstraints=CA:FALSE\n" % ",".join(san))
            f.write("keyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n")
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key,
                 "-CAcreateserial", "-days", "30", "-extfile", extensions, "-out", self.cert)

    def spki_sha256(self):
        """The hash by which Chromium can be told to trust this one certificate."""
        public = _openssl("x509", "-in", self.cert, "-pubkey", "-noout")
        der = _openssl("pkey", "-pubin", "-outform", "DER", stdin=public)
        return base64.b64encode(hashlib.sha256(der).digest()).decode()
