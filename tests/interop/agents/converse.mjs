// converse.js in headless Chromium as an agent. What goes over the wire is read by the DevTools
// protocol, so order and repetition are those of the link (converse shows messages as its database
// lets it); what reaches its user is told by converse's own event, as a line `shown BODY`.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import puppeteer from "puppeteer-core";
import { config, obey, say } from "./lines.mjs";

const DIST = fileURLToPath(new URL("node_modules/converse.js/dist", import.meta.url));
const TYPES = {
  ".js": "text/javascript", ".css": "text/css", ".json": "application/json",
  ".html": "text/html", ".wasm": "application/wasm",
};
const settings = {
  authentication: "login", auto_login: true, whitelisted_plugins: ["agent"],
  jid: `${config.user}@${config.domain}/${config.resource}`, password: config.password,
  websocket_url: config.url, discover_connection_methods: false, view_mode: "fullscreen",
  assets_path: "/d/", enable_smacks: true, auto_reconnect: true, loglevel: "error",
  play_sounds: false, i18n: "en", show_self_in_roster: false, allow_non_roster_messaging: true,
};
const PAGE = `<!doctype html><meta charset=utf-8><link rel=stylesheet href=/d/converse.min.css>
<style>.chat-head__desc { color: white !important }</style>
<body><script type=module>
const module = await import("/d/converse.min.js");
const converse = window.converse ?? module.converse ?? module.default;
converse.plugins.add("agent", { initialize() {
  const { api } = this._converse;
  const _converse = this._converse;
  window.api = api;
  window.roster = () => _converse.state.roster;
  api.listen.on("message", (data) => {
    if (data.attrs.body && !data.attrs.is_error) agentSay("shown", data.attrs.body);
  });
  api.listen.on("contactRequest", (contact) => agentSay("asked", contact.get("jid")));
  api.listen.on("rosterContactInitialized", (contact) => {
    const tell = () => {
      const [jid, status] = [contact.get("jid"), contact.get("status") ?? ""];
      agentSay("contact", jid, contact.getStatus(), status);
      // A chat's heading has a place for the contact's words; converse 14 does not put them there,
      // and would show them in the heading's own color.
      _converse.state.chatboxes?.get(jid)?.save({ status });
    };
    contact.on("change:status presence:change", tell);
  });
  api.listen.on("chatBoxInitialized", async (chat) => {
    const contact = await api.contacts.get(chat.get("jid"));
    if (contact) chat.save({ status: contact.get("status") });
  });
  api.listen.on("statusInitialized", async () => {
    // Where a server has no XEP-0191, converse 14 waits for its block list for ever.
    if (!await api.disco.supports("urn:xmpp:blocking", this._converse.session.get("domain")))
      api.trigger("blocklistInitialized", { get: () => undefined });
    agentSay("connected");
  });
  api.listen.on("will-reconnect", () => agentSay("offline"));
} });
converse.initialize(${JSON.stringify(settings)});
</script>`;

function serve(request, response) {
  const url = decodeURIComponent(request.url.split("?")[0]);
  if (url === "/") {
    response.setHeader("content-type", "text/html");
    return response.end(PAGE);
  }
  const file = path.join(DIST, url.replace(/^\/d\//, ""));
  if (!file.startsWith(DIST) || !fs.existsSync(file) || fs.statSync(file).isDirectory()) {
    response.statusCode = 404;
    return response.end();
  }
  response.setHeader("content-type", TYPES[path.extname(file)] ?? "application/octet-stream");
  return fs.createReadStream(file).pipe(response);
}

const server = http.createServer(serve);
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const browser = await puppeteer.launch({
  executablePath: "/usr/bin/chromium",
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage",
    "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", `--ignore-certificate-errors-spki-list=${config.spki}`],
});

function onMessage(data) {
  const head = /^<message[^>]*>/.exec(data)[0];
  const attribute = (name) => new RegExp(` ${name}=["']([^"']*)`).exec(head)?.[1] ?? "";
  const body = /<body[^>]*>([^<]*)/.exec(data)?.[1];
  const carbon = /<(sent|received) [^>]*urn:xmpp:carbons:2/.exec(data)?.[1];
  if (!body || attribute("type") === "error") return;
  if (carbon) say("carbon", carbon, body);
  else say("got", attribute("from"), attribute("id"), body);
}

const page = await browser.newPage();
await page.setViewport({ width: 1000, height: 520 });
let jid = "";
const frames = await page.createCDPSession();
await frames.send("Network.enable");
frames.on("Network.webSocketFrameSent", ({ response: { payloadData: data } }) => {
  console.error(">>", data);
  const mech = /<auth[^>]* mechanism=["']([^"']+)/.exec(data);
  if (mech) say("mech", mech[1]);
});
frames.on("Network.webSocketFrameReceived", ({ response: { payloadData: data } }) => {
  console.error("<<", data);
  jid = /<jid>([^<]+)/.exec(data)?.[1] ?? jid;
  if (/^<enabled/.test(data)) say("sm", "enabled");
  if (/^<resumed/.test(data)) say("sm", "resumed");
  if (/^<failed/.test(data)) say("sm", "failed");
  if (/^<message/.test(data)) onMessage(data);
});
page.on("pageerror", (e) => console.error("page error", e.message));
page.on("console", (m) => console.error("console", m.text()));
await page.exposeFunction("agentSay", (...words) => {
  if (words[0] === "connected") say("online", jid);
  else say(...words);
});
await page.goto(`http://127.0.0.1:${server.address().port}/`);

let typed = Promise.resolve(); // its user types one message after the other

obey({
  send: (to, id, body) => {
    typed = typed.then(() => page.evaluate(async (peer, text) => {
      const chat = await window.api.chats.open(peer, {}, true);
      await chat.sendMessage({ body: text });
    }, to.split("/")[0], body));
    return typed;
  },
  subscribe: (jid, name) => page.evaluate(async (j, n) => {
    await window.api.contacts.add({ jid: j, name: n });
  }, jid, name),
  allow: (jid, name) => page.evaluate(async (j, n) => {
    await window.roster().sendContactAddIQ({ jid: j, name: n, groups: [] });
    window.roster().get(j).authorize().subscribeToPresence();
  }, jid, name),
  open: async (jid) => {
    await page.evaluate(async (j) => {
      await window.api.chats.open(j, {}, true);
    }, jid);
    say("opened", jid);
  },
  look: async () => {
    const text = await page.evaluate(() => document.body.innerText);
    say("page", text.replace(/\s+/g, " "));
  },
  picture: async (file) => {
    await page.screenshot({ path: file });
    say("picture", file);
  },
  carbons: () => say("note", "carbons enabled"), // converse.js enables them by itself
  reconnect: () => {},
  quit: async () => {
    await browser.close();
    process.exit(0);
  },
});
