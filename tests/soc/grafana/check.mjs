// Checks dashboards against the types of @grafana/schema: node check.mjs DASHBOARD.json ...
//
// It runs where package.json was installed. A dashboard becomes a TypeScript constant of its type, so that a misspelt or missing
// property is an error, and the options and field settings of each panel are held against those of its kind.
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import ts from "typescript";

const KINDS = {
  timeseries: "timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen",
  stat: "stat/panelcfg/x/StatPanelCfg_types.gen",
  table: "table/panelcfg/x/TablePanelCfg_types.gen",
  bargauge: "bargauge/panelcfg/x/BarGaugePanelCfg_types.gen",
};
const RAW = "@grafana/schema/dist/esm/raw/composable/";

// Enums are what they are in JSON: their values.
const HEAD = `import type { AnnotationQuery, Dashboard, DataQuery } from "@grafana/schema";
${Object.entries(KINDS).map(([kind, path]) => `import type * as ${kind} from "${RAW}${path}";`).join("\n")}
type Json<T> = T extends string ? \`\${T}\` : T extends number ? number : T extends object ? { [K in keyof T]: Json<T[K]> } : T;
interface Query extends DataQuery { expr: string; legendFormat: string; format?: "table" | "time_series"; instant?: boolean; range?: boolean }
type Whole = Omit<Dashboard, "annotations"> & { annotations: { list: AnnotationQuery<Query>[] } };
`;

function program(path) {
  const dashboard = JSON.parse(readFileSync(path, "utf8"));
  let text = `${HEAD}export const dashboard: Json<Whole> = ${JSON.stringify(dashboard, null, 1)};\n`;
  for (const panel of dashboard.panels) {
    const kind = panel.type;
    if (!(kind in KINDS)) throw new Error(`${path}: panel ${panel.id}: no kind \`${kind}\` here; add it to KINDS`);
    text += `export const options_${panel.id}: Json<${kind}.Options> = ${JSON.stringify(panel.options)};\n`;
    text += `export const queries_${panel.id}: Json<Query>[] = ${JSON.stringify(panel.targets)};\n`;
    const custom = panel.fieldConfig.defaults.custom;
    if (custom) text += `export const custom_${panel.id}: Partial<Json<${kind}.FieldConfig>> = ${JSON.stringify(custom)};\n`;
  }
  return text;
}

let wrong = 0;
for (const path of process.argv.slice(2)) {
  // It is nowhere but in memory; its imports are resolved from where this runs.
  const name = join(process.cwd(), `${basename(path)}.ts`);
  const options = { strict: true, noEmit: true, skipLibCheck: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler, types: [] };
  const host = ts.createCompilerHost(options);
  const text = program(path);
  const [readFile, fileExists] = [host.readFile, host.fileExists];
  host.readFile = (file) => (file === name ? text : readFile(file));
  host.fileExists = (file) => file === name || fileExists(file);
  const getSourceFile = host.getSourceFile;
  host.getSourceFile = (file, ...rest) =>
    file === name ? ts.createSourceFile(file, text, options.target) : getSourceFile(file, ...rest);
  const found = ts.getPreEmitDiagnostics(ts.createProgram([name], options, host));
  for (const fault of found) {
    const { line } = fault.file ? ts.getLineAndCharacterOfPosition(fault.file, fault.start) : { line: 0 };
    const source = fault.file?.text.split("\n")[line]?.trim().slice(0, 200);
    console.error(`${path}: ${ts.flattenDiagnosticMessageText(fault.messageText, "\n  ")}\n  at ${source}`);
    wrong += 1;
  }
}
process.exit(wrong ? 1 : 0);
