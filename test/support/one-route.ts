/** Sections with one upstream and one route open to everybody, whatever the path; further keys of either as YAML, with a comma before. */
export const oneRoute = (url: string, more: { readonly upstream?: string; readonly route?: string } = {}): string =>
  `upstreams: { echo: { endpoints: ["${url}"]${more.upstream ?? ""} } }
routes: [{ name: everything, match: { path: /** }, authenticate: [anonymous], upstream: echo${more.route ?? ""} }]
`;
