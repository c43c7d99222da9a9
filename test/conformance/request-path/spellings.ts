/** A way to write one dot, as somebody upstream may read it. */
const DOTS = [
  ".",
  "%2e",
  "%2E",
  "%252e",
  "%25252e",
  "%%32%65",
  "%25%32%65",
  "%c0%ae",
  "%C0%2E",
  "%e0%80%ae",
  "%f0%80%80%ae",
  "%u002e",
  "%ef%bc%8e",
];

/** A way to write what stands between two segments. */
const SLASHES = [
  ...["/", "//", "///", "/./", "/%2e/", "/;/", "/;x=1/", "/%3b/", "/%20/"],
  ...["%2f", "%2F", "%5c", "%5C", "\\", "/\\", "\\/", "%252f", "%252F", "%255c", "%25252f", "%c0%af", "%C1%9C", "%e0%80%af"],
  ...["%u002f", "%u2215", "%ef%bc%8f", "%00/", "%2500/", "%09/", "%0a/", "%0d/", "\t/", "%7f/"],
];

/** Spellings of a path that somebody may read as `/admin/secret`, whatever it is matched as. */
export function pathSpellings(): readonly string[] {
  const found = new Set<string>(SINGLE);
  for (const dot of DOTS) {
    for (const slash of SLASHES) {
      found.add(`/public${slash}${dot}${dot}${slash}admin/secret`);
      found.add(`/public/x${slash}${dot}${dot}${slash}${dot}${dot}${slash}admin/secret`);
      found.add(`/public/${dot}${slash}${dot}${dot}/admin/secret`);
      found.add(`/${dot}${slash}admin/secret`);
    }
    found.add(`/public/${dot}${dot}`);
    found.add(`/public/${dot}.;/admin/secret`);
    found.add(`/public/.${dot};x=1/admin/secret`);
    found.add(`/public/${dot}${dot}%3b/admin/secret`);
    found.add(`/admin${dot}/secret`);
  }
  for (const slash of SLASHES) {
    found.add(`/admin${slash}secret`);
    found.add(`${slash}admin/secret`);
    found.add(`/public${slash}..${slash}admin`);
    found.add(`/x${slash}../admin/secret`);
  }
  return [...found];
}

/** What does not come out of a combination. */
const SINGLE: readonly string[] = [
  ...["/admin", "/admin/", "/admin/secret", "/%61dmin/secret", "/%61%64%6d%69%6e/secret", "/%41dmin/secret", "/adm%69n/"],
  ...[
    "/admin;/secret",
    "/admin;x=1/secret",
    "/admin;x=/../public/secret",
    "/admin%3b/secret",
    "/admin%3Bx=1/secret",
    "/;admin/secret",
  ],
  ...[
    "/admin%00/secret",
    "/admin%00.png",
    "/public%00/../admin",
    "/admin%2500.png",
    "/admin%0a",
    "/admin%0d%0a/secret",
    "/admin%7f",
  ],
  ...[
    "/admin%20/secret",
    "/admin./secret",
    "/admin../secret",
    "/admin%2e/secret",
    "/admin.../secret",
    "/ADMIN/secret",
    "/aDmIn/secret",
  ],
  ...[
    "/admin?/../public",
    "/public?/../admin",
    "/public#/../admin",
    "/public%23/../admin",
    "/public%3f/../admin",
    "/public%3F/../../admin",
  ],
  ...[
    "/./admin/secret",
    "/.//admin/secret",
    "/public/./../admin/secret",
    "/public/.././admin/secret",
    "/public/../admin/../admin/secret",
  ],
  ...[
    "/public/..",
    "/public/../",
    "/public/x/../../admin",
    "/../admin/secret",
    "/../../admin/secret",
    "/public/../../admin/secret",
  ],
  ...["/public/x/..;/..;/admin", "/..;/admin/secret", "/.;/admin/secret", "/;/admin/secret", "/public;/../admin/secret"],
  ...[
    "/%",
    "/%2",
    "/%zz/admin",
    "/public/%",
    "/public/%2/../admin",
    "/%2%65%2%65/admin",
    "/public/%2e%/admin",
    "/%u0061dmin/secret",
  ],
  ...[
    "/public/%c0%ae%c0%ae/%c0%ae%c0%ae/admin",
    "/%c1%a1dmin/secret",
    "/%e0%81%a1dmin/secret",
    "/%f8%80%80%80%af",
    "/%fc%80%80%80%80%af",
  ],
  ...[
    "/public/\u00a0/admin",
    "/\u00e4dmin",
    "/public/\x80/admin",
    "/public/\xc0\xae\xc0\xae/admin",
    "/public/%c3%a4/../../admin",
  ],
  ...[
    "/public\\..\\admin\\secret",
    "/public/..\\admin",
    "/public\\../admin",
    "\\admin\\secret",
    "/\\admin/secret",
    "/public/.\\./admin",
  ],
  ...[
    "/public/%25%35%63..%25%35%63admin",
    "/public/%%35%63..%%35%63admin",
    "/public/%255c..%255cadmin",
    "/public/..%25255cadmin",
  ],
  ...["/public/...//admin", "/public/....//admin", "/public/....//....//admin", "/public/..././admin", "/public/.%00./admin"],
  ...[
    "/*/admin",
    "/public/*/../admin",
    "/~/admin",
    "/public/~/../../admin",
    "/%7e/../admin",
    "/public/'/../admin",
    "/public/%27/../admin",
  ],
];
