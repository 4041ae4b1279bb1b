"""A real CalDAV server, and the meetings in it."""
import base64
import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import timezone

USER, SECRET = "gateway", "Quill-and-ink"
CONFIG = """[server]
hosts = {address}:{port}
[auth]
type = htpasswd
htpasswd_filename = {folder}/users
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = {folder}/data
[rights]
type = authenticated
"""
EVENT = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//libimp//interop//EN\r
BEGIN:VEVENT\r
UID:{uid}\r
DTSTAMP:20260101T000000Z\r
DTSTART:{start:%Y%m%dT%H%M%SZ}\r
DTEND:{end:%Y%m%dT%H%M%SZ}\r
SUMMARY:{summary}\r
END:VEVENT\r
END:VCALENDAR\r
"""


class Radicale:
    port = 5232

    @staticmethod
    def installed():
        return importlib.util.find_spec("radicale") is not None

    def __init__(self, folder, address):
        self.folder, self.url = folder, "http://%s:%d" % (address, self.port)
        os.makedirs(folder)
        with open(os.path.join(folder, "users"), "w") as f:
            f.write("%s:%s\n" % (USER, SECRET))
        config = os.path.join(folder, "config")
        with open(config, "w") as f:
            f.write(CONFIG.format(address=address, port=self.port, folder=folder))
        with open(os.path.join(folder, "log"), "w") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "radicale", "--config", config],
                                            stdout=log, stderr=log)
        for _ in range(300):
            try:
                return socket.create_connection((address, self.port), 1).close()
            except OSError:
                time.sleep(0.1)
        raise AssertionError("Radicale does not listen")

    def gateway(self, who):
        """The reference server's configuration: each one's calendar is read from here."""
        boxes = ", ".join('{ user = "%s"; gateway = "radicale"; mailbox = "%s"; }' % (w, w)
                          for w in who)
        return ('calendar: { gateways = ( { name = "radicale"; kind = "caldav"; auth = "basic"; '
                'url = "%s/%s/{mailbox}/"; username = "%s"; secret = "%s"; poll_seconds = 15; } ); '
                'mailboxes = ( %s ); };' % (self.url, USER, USER, SECRET, boxes))

    def _send(self, method, path, body="", kind="text/calendar"):
        token = base64.b64encode(("%s:%s" % (USER, SECRET)).encode()).decode()
        request = urllib.request.Request("%s/%s/%s" % (self.url, USER, path), body.encode(),
                                         {"Authorization": "Basic " + token, "Content-Type": kind},
                                         method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status in (200, 201, 204), answer.status

    def add_calendar(self, who):
        self._send("MKCALENDAR", who + "/", '<mkcalendar xmlns="urn:ietf:params:xml:ns:caldav"/>',
                   "application/xml")

    def put(self, who, uid, start, end, summary):
        self._send("PUT", "%s/%s.ics" % (who, uid), EVENT.format(
            uid=uid, summary=summary, start=start.astimezone(timezone.utc),
            end=end.astimezone(timezone.utc)))

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
