// An OpenID Connect issuer of somebody else's making (oidc-provider), as the zone's own sign-in: node issuer.mjs OPTIONS
//
// OPTIONS is JSON: `certificate` and `key` (PEM files), `client` (the certificate of the client `poort-gate`'s key), `signin` (the gate's
// sign-in origin) and `backchannel` (where the gate hears who signed out). It prints the port it listens on, and stops when its standard
// input ends. A line there says what becomes of it: `silent`, it answers no gate; `well`, it does again.
import { X509Certificate, createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createInterface } from "node:readline";
import { Provider, interactionPolicy } from "oidc-provider";

const options = JSON.parse(process.argv[2]);
const STRONG = "https://refeds.org/profile/mfa";
const PEOPLE = {
  "an.janssens": { name: "An Janssens", roles: ["officer"], units: ["team-a"] },
  "bo.maes": { name: "Bo Maes", roles: ["supervisor"], units: ["team-a"] },
  "cas.willems": { name: "Cas Willems", roles: ["officer"], units: ["team-a"] },
  "eva.lambert": { name: "Eva Lambert", roles: ["officer"], units: [] },
};

/** What gates ask, and no browser. */
const GATES = /^\/(token|jwks|\.well-known)\b/;
let health = "well";

const server = createServer({ cert: readFileSync(options.certificate), key: readFileSync(options.key) });
server.listen(0, "127.0.0.1", () => {
  const issuer = `https://localhost:${server.address().port}`;
  const provider = new Provider(issuer, settings());
  const callback = provider.callback();
  server.on("request", (request, response) => {
    if (health === "silent" && GATES.test(request.url)) return request.socket.destroy();
    if (!request.url.startsWith("/interaction/")) return callback(request, response);
    ask(provider, request, response).catch((fault) => fail(response, fault));
  });
  provider.on("server_error", (_, fault) => console.error(fault));
  provider.on("backchannel.error", (_, fault) => console.error(fault));
  console.log(server.address().port);
});
createInterface({ input: process.stdin }).on("line", (line) => {
  health = line;
  console.log(line);
}).on("close", () => process.exit(0));

function settings() {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    clients: [{
      client_id: "poort-gate",
      jwks: { keys: [clientKey()] },
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      redirect_uris: [`${options.signin}/callback/zone`],
      post_logout_redirect_uris: [`${options.signin}/signed-out`],
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      id_token_signed_response_alg: "ES256",
      backchannel_logout_uri: options.backchannel,
      backchannel_logout_session_required: true,
    }],
    jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "issuer-1", use: "sig", alg: "ES256" }] },
    cookies: { keys: [randomBytes(32).toString("hex")] },
    pkce: { required: () => true },
    acrValues: [STRONG, "password"],
    claims: { openid: ["sub", "acr", "amr", "auth_time", "preferred_username", "roles", "units"] },
    conformIdTokenClaims: false,
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        logoutSource: (ctx, form) => {
          ctx.body = page("Sign out here too?", `${form}<button form="op.logoutForm" name="logout" value="yes">Yes</button>`);
        },
        postLogoutSuccessSource: (ctx) => (ctx.body = page("Signed out here.", "")),
      },
    },
    interactions: { policy: policy(), url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, preferred_username: sub, roles: PEOPLE[sub].roles, units: PEOPLE[sub].units }),
    }),
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    // Whoever signs in here may be known to the gate: nobody is asked.
    loadExistingGrant: async (ctx) => {
      const { client, session, params, provider } = ctx.oidc;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope(params.scope);
      await grant.save();
      return grant;
    },
    // It would not speak to a client on loopback, which in a zone would be wise.
    fetch: (url, { dispatcher: _, ...init }) => fetch(url, init),
    ttl: { AccessToken: 300, IdToken: 300, Session: 3600, Grant: 3600, Interaction: 600, RefreshToken: 3600 },
  };
}

/** The client's public key, under its thumbprint (RFC 7638). */
function clientKey() {
  const { crv, kty, x, y } = new X509Certificate(readFileSync(options.client)).publicKey.export({ format: "jwk" });
  const kid = createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
  return { crv, kty, x, y, kid, alg: "ES256", use: "sig" };
}

/** A sign-in that is weaker than `acr_values` asks for is asked again. */
function policy() {
  const all = interactionPolicy.base();
  const weak = new interactionPolicy.Check("acr_values", "a stronger sign-in is asked for", (ctx) => {
    const wanted = ctx.oidc.params.acr_values?.split(" ") ?? [];
    const enough = wanted.length === 0 || wanted.includes(ctx.oidc.session.acr) || ctx.oidc.result?.login;
    return enough ? interactionPolicy.Check.NO_NEED_TO_PROMPT : interactionPolicy.Check.REQUEST_PROMPT;
  });
  all.get("login").checks.add(weak);
  return all;
}

/** Who is there? Nobody types a password: whoever is at the page chooses who they are, and whether they have a key. */
async function ask(provider, request, response) {
  const details = await provider.interactionDetails(request, response);
  if (request.method === "POST") {
    const said = new URLSearchParams(await body(request));
    if (!PEOPLE[said.get("user")]) {
      const refusal = { error: "access_denied", error_description: "nobody of these" };
      return provider.interactionFinished(request, response, refusal, { mergeWithLastSubmission: false });
    }
    const key = said.get("with") === "key";
    const login = { accountId: said.get("user"), acr: key ? STRONG : "password", amr: key ? ["hwk", "user"] : ["pwd"] };
    return provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
  }
  const button = (user, how, label) => `<form method="post" action="/interaction/${details.uid}"><input type="hidden" name="with" value="${how}">
    <button name="user" value="${user}">${label}</button></form>`;
  const buttons = Object.entries(PEOPLE).map(([user, { name }]) =>
    button(user, "password", `${name} with a password`) + button(user, "key", `${name} with a key`));
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.end(page("Who are you?", buttons.concat(button("", "", "Nobody of these")).join("")));
}

async function body(request) {
  let text = "";
  for await (const piece of request) text += piece;
  return text;
}

function page(title, main) {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${main}</html>`;
}

function fail(response, fault) {
  console.error(fault);
  response.statusCode = 500;
  response.end(String(fault));
}
