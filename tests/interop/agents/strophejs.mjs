// strophe.js on Node as an agent: RFC 7395 WebSocket with its own stream management.
import { config, obey, say } from "./lines.mjs";
import WebSocket from "ws";

globalThis.WebSocket = WebSocket;
const kept = new Map(); // strophe.js keeps its session where a browser would
globalThis.sessionStorage = {
  getItem: (k) => kept.get(k) ?? null,
  setItem: (k, v) => kept.set(k, v),
  removeItem: (k) => kept.delete(k),
};
const { Strophe, $msg, $pres, $iq } = await import("strophe.js");
const CARBONS = "urn:xmpp:carbons:2";
const MECHANISMS = {
  PLAIN: Strophe.SASLPlain,
  "SCRAM-SHA-1": Strophe.SASLSHA1,
  "SCRAM-SHA-256": Strophe.SASLSHA256,
  "SCRAM-SHA-512": Strophe.SASLSHA512,
};

const connection = new Strophe.Connection(config.url, {
  enableStreamManagement: true,
  streamManagement: { requestResume: true, maxUnacked: 5 },
  ...(config.mech ? { mechanisms: [MECHANISMS[config.mech]] } : {}),
});
connection.rawOutput = (data) => {
  console.error(">>", data);
  const mech = /<auth[^>]* mechanism=["']([^"']+)/.exec(data);
  if (mech) say("mech", mech[1]);
};
connection.rawInput = (data) => {
  console.error("<<", data);
  if (/^<enabled/.test(data)) say("sm", "enabled");
  if (/^<resumed/.test(data)) say("sm", "resumed");
  if (/^<failed/.test(data)) say("sm", "failed");
};

function onMessage(message) {
  const carbon = [...message.childNodes].find((n) => n.namespaceURI === CARBONS);
  const body = message.getElementsByTagName("body")[0]?.textContent;
  if (message.getAttribute("type") === "error" || !body) return true;
  if (carbon) say("carbon", carbon.nodeName, body);
  else say("got", message.getAttribute("from"), message.getAttribute("id"), body);
  return true;
}

function onStatus(status) {
  if (status === Strophe.Status.CONNECTED) {
    connection.addHandler(onMessage, null, "message");
    if (!connection.hasResumed()) connection.send($pres());
    say("online", connection.jid);
  } else if (status === Strophe.Status.DISCONNECTED) {
    say("offline");
  } else if (status === Strophe.Status.AUTHFAIL) {
    say("refused");
  }
}

const bare = `${config.user}@${config.domain}/${config.resource}`;
connection.connect(bare, config.password, onStatus);
obey({
  send: (to, id, body) => connection.send($msg({ to, id, type: "chat" }).c("body").t(body)),
  carbons: () =>
    connection.sendIQ($iq({ type: "set" }).c("enable", { xmlns: CARBONS }), () =>
      say("note", "carbons enabled")),
  reconnect: () => connection.connect(connection.jid, config.password, onStatus),
  quit: () => {
    connection.disconnect("bye");
    setTimeout(() => process.exit(0), 300);
  },
});
