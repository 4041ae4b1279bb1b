// What the JavaScript agents share: the line protocol of harness/agent.py and the settings.
import { webcrypto } from "node:crypto";
import readline from "node:readline";

globalThis.crypto ??= webcrypto; // Node 18 keeps it elsewhere; so import this file first

export const config = Object.fromEntries(
  Object.entries(process.env)
    .filter(([key]) => key.startsWith("IMP_"))
    .map(([key, value]) => [key.slice(4).toLowerCase(), value]),
);

export function say(...words) {
  process.stdout.write(words.map((w) => String(w ?? "")).join("\t") + "\n");
}

export function obey(verbs) {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const [verb, ...words] = line.split("\t");
    Promise.resolve(verbs[verb]?.(...words)).catch((e) => say("note", `${verb}: ${e.message}`));
  });
  lines.on("close", () => process.exit(0));
}

process.on("unhandledRejection", (e) => console.error("unhandled", e));
