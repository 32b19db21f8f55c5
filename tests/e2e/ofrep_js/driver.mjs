// Asks a server through an official OFREP provider, as told in JSON, one line each on stdin; answers likewise.
//
//   node driver.mjs server|web URL TOKEN '{"context": {}, "pollInterval": 0}'
//
// The first line it prints tells whether the provider got ready. Each request is
// recorded, to be asked for: {"do": "requests"}.

import { createInterface } from "node:readline";

const [kind, baseUrl, firstToken, told = "{}"] = process.argv.slice(2);
const { context = {}, ...settings } = JSON.parse(told);
let token = firstToken;
const requests = [];
const events = [];

async function recordedFetch(request, init) {
  const response = await fetch(request, init);
  requests.push({
    path: new URL(request.url).pathname,
    status: response.status,
    etag: response.headers.get("etag"),
    ifNoneMatch: request.headers.get("if-none-match"),
  });
  return response;
}

const options = {
  baseUrl,
  headersFactory: () => [["Authorization", `Bearer ${token}`]],
  fetchImplementation: recordedFetch,
  ...settings,
};

async function started() {
  if (kind === "server") {
    const { OpenFeature } = await import("@openfeature/server-sdk");
    const { OFREPProvider } = await import("@openfeature/ofrep-provider");
    return [OpenFeature, new OFREPProvider(options)];
  }
  const { OpenFeature } = await import("@openfeature/web-sdk");
  const { OFREPWebProvider } = await import("@openfeature/ofrep-web-provider");
  await OpenFeature.setContext(context);
  return [OpenFeature, new OFREPWebProvider({ cacheMode: "disabled", ...options })];
}

// The first of `list` that fits, when it is there; null after 20 seconds.
async function awaited(list, fits) {
  const giveUp = Date.now() + 20_000;
  while (Date.now() < giveUp) {
    const found = list.find(fits);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return null;
}

const METHODS = {
  boolean: "getBooleanDetails",
  string: "getStringDetails",
  number: "getNumberDetails",
  object: "getObjectDetails",
};

async function done(client, OpenFeature, asked) {
  switch (asked.do) {
    case "details":
      return client[METHODS[typeof asked.default]](asked.key, asked.default, asked.context);
    case "context":
      await OpenFeature.setContext(asked.context);
      return null;
    case "token":
      token = asked.token;
      return null;
    case "requests":
      return requests;
    case "until":
      return awaited(requests, (request) => request.status === asked.status);
    case "event":
      return awaited(events, (event) => event.name === asked.name);
    default:
      throw new Error(`unknown: ${asked.do}`);
  }
}

const say = (value) => console.log(JSON.stringify(value));

const [OpenFeature, provider] = await started();
const client = OpenFeature.getClient();
for (const name of ["PROVIDER_CONFIGURATION_CHANGED", "PROVIDER_STALE", "PROVIDER_ERROR"]) {
  client.addHandler(name, (details) => events.push({ name, message: details?.message, flags: details?.flagsChanged }));
}
try {
  await OpenFeature.setProviderAndWait(provider);
  say({ ready: true });
} catch (error) {
  say({ ready: false, status: client.providerStatus, error: error.name, cause: error.cause?.name });
}
for await (const line of createInterface({ input: process.stdin })) {
  say(await done(client, OpenFeature, JSON.parse(line)));
}
await OpenFeature.close();
