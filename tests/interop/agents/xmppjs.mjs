// xmpp.js (@xmpp/client) as an agent: TCP with STARTTLS or direct TLS, and WebSocket.
import { config, obey, say } from "./lines.mjs";
import { client, xml } from "@xmpp/client";
import WebSocket from "ws";

globalThis.WebSocket = WebSocket; // Node 20 has none of its own
const CARBONS = "urn:xmpp:carbons:2";

const userAgent = xml("user-agent", { id: globalThis.crypto.randomUUID() },
  xml("software", {}, "interop"));

// A mechanism that was asked for is taken; otherwise its own choice, and a token once it has one.
async function credentials(authenticate, mechanisms, fast) {
  const { user: username, password } = config;
  const token = config.mech ? undefined : await fast?.fetch();
  await authenticate({ username, password, token }, config.mech || mechanisms[0], userAgent);
}

const xmpp = client({
  service: config.url, domain: config.domain, resource: config.resource, credentials,
});
xmpp.reconnect.delay = 200;

let enabled = false;
xmpp.on("error", (e) => console.error("error", e.message));
xmpp.on("send", (el) => {
  console.error(">>", String(el));
  if (el.is("authenticate") || el.is("auth")) say("mech", el.attrs.mechanism, el.attrs.xmlns);
});
xmpp.on("element", (el) => {
  console.error("<<", String(el));
});
xmpp.on("status", (status) => {
  if (status === "disconnect") say("offline");
});
xmpp.streamManagement.on("resumed", () => say("sm", "resumed"));
xmpp.on("online", async (jid) => {
  await xmpp.send(xml("presence"));
  const timer = setInterval(() => {
    if (!xmpp.streamManagement.enabled || enabled) return;
    enabled = true;
    clearInterval(timer);
    say("sm", "enabled");
  }, 20);
  say("online", jid.toString());
});

function carbonOf(stanza) {
  for (const kind of ["sent", "received"]) {
    const inner = stanza.getChild(kind, CARBONS)?.getChild("forwarded")?.getChild("message");
    if (inner) return [kind, inner.getChildText("body")];
  }
  return null;
}

xmpp.on("stanza", (stanza) => {
  if (!stanza.is("message") || stanza.attrs.type === "error") return;
  const carbon = carbonOf(stanza);
  const body = stanza.getChildText("body");
  if (carbon) say("carbon", ...carbon);
  else if (body) say("got", stanza.attrs.from, stanza.attrs.id, body);
});

obey({
  send: (to, id, body) => {
    const message = xml("message", { to, id, type: "chat" }, xml("body", {}, body));
    // A send on a dead link fails, yet the message stays queued and is sent after resumption.
    xmpp.send(message).catch(() => {});
  },
  carbons: async () => {
    await xmpp.iqCaller.request(xml("iq", { type: "set" }, xml("enable", { xmlns: CARBONS })));
    say("note", "carbons enabled");
  },
  reconnect: () => {},
  quit: async () => {
    await Promise.race([xmpp.stop(), new Promise((r) => setTimeout(r, 2000))]);
    process.exit(0);
  },
});
xmpp.start().catch((e) => say("note", `start: ${e.message}`));
