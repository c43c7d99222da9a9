import type { Report } from "./report.ts";

const WIDTH = 860;
const NAMES = 270;
const BAR_HEIGHT = 22;
const ROW = 30;
const HEAD = 44;
const FIGURES = 110;

/** CPU per request of every peer as an SVG: a bar each, the gateway's share dark, the service's light. Readable on light and dark pages. */
export function toSvg({ scenarios, startedAt, machine }: Report): string {
  let y = 40;
  const parts = scenarios.flatMap(({ title, peers }) => {
    const top = y + 18;
    y += HEAD + peers.length * ROW;
    // an event of a stream beside a body of 64 KiB would be a bar nobody sees
    const scale = (WIDTH - NAMES - FIGURES) / Math.max(0.1, ...peers.map(({ medians }) => medians.cpuUs));
    return [text(12, top, title, "title"), ...peers.map((peer, index) => bar(peer, top + 14 + index * ROW, scale))];
  });
  const caption = `CPU microseconds per request, all gateway-side processes; each block has its own scale. ${startedAt.slice(0, 10)}, ${machine.cores} × ${machine.cpu}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 16}" font-family="system-ui, sans-serif" font-size="14">
<style>rect.page{fill:#fff}text{fill:#1c2733}.title{font-weight:600}.caption{font-size:12px;fill:#5a6775}.ours{fill:#0b6e99}.peer{fill:#7c8894}.service{opacity:.5}</style>
<rect class="page" width="100%" height="100%"/>
${text(12, 24, caption, "caption")}
${parts.join("\n")}
</svg>
`;
}

function bar({ name, medians }: Report["scenarios"][number]["peers"][number], top: number, scale: number): string {
  const kind = /^(sallyport|lean unary)/.test(name) ? "ours" : "peer";
  const [gateway, service] = [medians.gatewayCpuUs * scale, medians.serviceCpuUs * scale];
  const middle = top + BAR_HEIGHT / 2 + 5;
  return [
    text(12, middle, name, "name"),
    `<rect class="${kind}" x="${NAMES}" y="${top}" width="${gateway.toFixed(1)}" height="${BAR_HEIGHT}"/>`,
    `<rect class="${kind} service" x="${(NAMES + gateway).toFixed(1)}" y="${top}" width="${service.toFixed(1)}" height="${BAR_HEIGHT}"/>`,
    text(NAMES + gateway + service + 8, middle, `${medians.cpuUs.toFixed(0)} µs`, "figure"),
  ].join("");
}

const text = (x: number, y: number, words: string, kind: string): string =>
  `<text class="${kind}" x="${x.toFixed(0)}" y="${y.toFixed(0)}">${words.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`;
