/** A service does not do what a case requires; the message says what it did instead. */
export class Finding extends Error {
  override readonly name = "Finding";
}

/** There is nothing here for a case to look at; the message says what is missing. */
export class NotApplicable extends Error {
  override readonly name = "NotApplicable";
}

/** Ends a case: the service is not conforming. */
export function fail(what: string): never {
  throw new Finding(what);
}

/** Ends a case: it says nothing about this service. */
export function skip(why: string): never {
  throw new NotApplicable(why);
}

/** Fails the case unless what is required holds. */
export function ensure(holds: boolean, otherwise: string): asserts holds {
  if (!holds) fail(otherwise);
}

/** Text of the service, fit for one line of a report. */
export const quoted = (text: string, maxCharacters = 120): string => {
  const shown = text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
  return JSON.stringify(shown);
};
