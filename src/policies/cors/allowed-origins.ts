/** Whether a page of that origin may use the route; `origin` as the browser sent it, several lines joined. */
export type AllowedOrigins = (origin: string) => boolean;

/**
 * Reads a list of origins once. Compared is the whole text: an origin is what the browser says, and whatever merely contains an allowed
 * one is another. `scheme://*.name` matches one or more labels of letters, digits, `-` and `_` in front of the name and nothing else, so
 * neither the name itself nor one that only ends like it. `null`, which any page can be, and what is no origin match nothing but `*`.
 */
export function allowedOrigins(origins: readonly string[]): AllowedOrigins {
  if (origins.includes("*")) return () => true;
  const exact = new Set(origins.filter((origin) => !origin.includes("*")));
  const below = origins.filter((origin) => origin.includes("*")).map((origin) => origin.split("*"));
  return (origin) =>
    exact.has(origin) ||
    below.some(([before = "", after = ""]) => {
      const isLonger = origin.length > before.length + after.length;
      if (!isLonger || !origin.startsWith(before) || !origin.endsWith(after)) return false;
      return LABELS.test(origin.slice(before.length, origin.length - after.length));
    });
}

/** Nothing that could end a host and begin something else. */
const LABELS = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
