// Drives a browser on behalf of a test: node driver.mjs OPTIONS
//
// OPTIONS is JSON: `browser` (the executable), `profile` (a directory of its own), `resolve` (further host resolver rules). On standard
// input come commands, one JSON object a line: `{ id, tab, call, ... }`; on standard output go answers: `{ id, value }` or `{ id, fault }`.
// Commands of different tabs run side by side. The browser closes when standard input ends.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const options = JSON.parse(process.argv[2]);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PATIENCE = 20_000;
/** What WCAG 2.2 demands at levels A and AA, and what experts hold to be good practice. */
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];

// As an administrator's policy would: a managed tablet does not ask which certificate to show.
mkdirSync(join(options.profile, "Default"), { recursive: true });
const choice = { "https://[*.]localhost,*": { setting: { filters: [{}] } } };
writeFileSync(join(options.profile, "Default/Preferences"),
  JSON.stringify({ profile: { content_settings: { exceptions: { auto_select_certificate: choice } } } }));
const context = await chromium.launchPersistentContext(options.profile, {
  executablePath: options.browser,
  chromiumSandbox: false,
  locale: "en-GB",
  viewport: { width: 1024, height: 600 },
  hasTouch: true,
  bypassCSP: false,
  args: ["--headless=new", "--no-first-run", "--disable-background-networking",
    ...(options.resolve ? [`--host-resolver-rules=${options.resolve}`] : [])],
});
context.setDefaultTimeout(PATIENCE);
const tabs = [];
/** The navigation that failed last, by page. */
const failed = new WeakMap();
/**
 * What Chromium says of connections that it drops itself: as an address of the machine came or went, or as another tab has just chosen the
 * certificate for their host; and of an address that is gone to while its page about that is still on its way. On a screen it then loads the
 * page again by itself.
 */
const DROPPED = /ERR_NETWORK_CHANGED|interrupted by another navigation to "chrome-error:/;
/** It says so too of a connection that had only just been made. Of a host that a certificate was chosen for before, it is the gate that hung up. */
const DROPPED_WHEN_NEW = /ERR_CONNECTION_CLOSED/;
/** Hosts that have answered: their certificate is chosen. */
const chosen = new Set();
/** How long that page may take to come, in milliseconds. */
const PAUSE = 300;

const calls = {
  /** A tab; its number. */
  async open() {
    const page = await context.newPage();
    const tab = { page, responses: [] };
    page.on("response", (response) => tab.responses.push(response));
    page.on("requestfailed", (request) => request.isNavigationRequest() && failed.set(page, request));
    return tabs.push(tab) - 1;
  },
  async forget(_, { hosts }) {
    for (const domain of hosts) await context.clearCookies({ domain });
  },
  async go({ page, responses }, { url }) {
    await visit(page, responses, url);
    return landed(page, responses);
  },
  async click({ page, responses }, { name }) {
    const named = { name, exact: true };
    const control = page.getByRole("button", named).or(page.getByRole("link", named)).or(page.getByRole("radio", named));
    responses.length = 0;
    await control.first().click();
    await page.waitForLoadState("load");
    const cutOff = failed.get(page);
    if (cutOff && page.url().startsWith("chrome-error:") && DROPPED.test(cutOff.failure().errorText) && cutOff.method() === "GET") {
      await visit(page, responses, cutOff.url());
    }
    await passed(page, responses);
    return landed(page, responses);
  },
  async fill({ page }, { label, value }) {
    await page.getByLabel(label).fill(value);
  },
  async run({ page }, { script }) {
    return page.evaluate(script);
  },
  async until({ page, responses }, { script }) {
    await page.waitForFunction(script);
    return landed(page, responses);
  },
  async look({ page }, { dark, width, height }) {
    await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
    await page.setViewportSize({ width, height });
  },
  async picture({ page }, { path }) {
    await page.screenshot({ path, fullPage: true });
  },
  /** What breaks WCAG, each with the elements that do. The page's own policy lets no script in: this one comes from outside. */
  async violations({ page }) {
    await page.evaluate(axe);
    const { passes, violations } = await page.evaluate((values) => axe.run({ runOnly: { type: "tag", values } }), RULES);
    if (!passes.some(({ id }) => id === "document-title")) throw new Error("nothing was looked at");
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
  },
  /** When what happened, in milliseconds since the tap. */
  async timing({ page }) {
    const [entry] = await page.evaluate(() => performance.getEntriesByType("navigation").map((one) => one.toJSON()));
    return entry;
  },
};

/** Goes to an address, again where Chromium dropped the connection. */
async function visit(page, responses, url, patience = 5) {
  responses.length = 0;
  const { host } = new URL(url);
  const isNew = !chosen.has(host);
  try {
    await page.goto(url);
    chosen.add(host);
  } catch (fault) {
    const passing = DROPPED.test(fault.message) || (isNew && DROPPED_WHEN_NEW.test(fault.message));
    if (!passing || !patience) throw fault;
    console.error(`gone to once more: ${fault.message.split("\n")[0]}`);
    await page.waitForTimeout(PAUSE);
    await visit(page, responses, url, patience - 1);
  }
}

const documents = (page, responses) =>
  responses.filter((one) => one.request().isNavigationRequest() && one.frame() === page.mainFrame());

/** Waits as long as a page leads on by itself. */
async function passed(page, responses) {
  const last = () => documents(page, responses).at(-1);
  const leads = (one) => one.headers().refresh || (one.status() >= 300 && one.status() < 400);
  if (!documents(page, responses).some((one) => one.headers().refresh)) return;
  const end = Date.now() + PATIENCE;
  while ((leads(last()) || page.url() !== last().url()) && Date.now() < end) await new Promise((soon) => setTimeout(soon, 20));
  await page.waitForLoadState("load");
}

async function landed(page, responses) {
  const pages = documents(page, responses);
  const last = pages.at(-1);
  const sizes = await Promise.all(responses.map((one) => one.request().sizes().catch(() => ({ responseBodySize: 0, responseHeadersSize: 0 }))));
  return {
    url: page.url(),
    status: last?.status() ?? null,
    hops: pages.map((one) => one.url()),
    text: await page.locator("body").innerText(),
    bytes: sizes.reduce((sum, one) => sum + one.responseBodySize + one.responseHeadersSize, 0),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, tab, call, ...rest } = JSON.parse(line);
  calls[call](tabs[tab], rest).then(
    (value) => console.log(JSON.stringify({ id, value: value ?? null })),
    (fault) => console.log(JSON.stringify({ id, fault: String(fault?.stack ?? fault) })),
  );
}
await context.close();
