import {
  DescribeRequest,
  Event,
  Manifest,
  ReviewRequest,
  Verdict,
  WatchRequest,
} from "../gen/sallyport/interceptor/v1/interceptor.ts";

/** Which fields of a message hold messages, by field number; a test compares this table with the .proto file. */
export type MessageShape = ReadonlyMap<number, MessageShape>;

/** The shape of a message that travels on its own; undefined for others. */
export const shapeOf = (codec: unknown): MessageShape | undefined => SHAPES.get(codec);

const shape = (...fields: readonly (readonly [number, MessageShape])[]): MessageShape => new Map(fields);

const FLAT = shape();
const REQUEST_VIEW = shape([7, FLAT], [8, FLAT], [9, FLAT]);
const RESPONSE_VIEW = shape([2, FLAT], [3, FLAT]);
const VIEW = shape(
  [1, REQUEST_VIEW],
  [2, FLAT],
  [3, FLAT],
  [4, shape([2, FLAT])],
  [5, FLAT],
  [6, FLAT],
  [7, RESPONSE_VIEW],
  [8, FLAT],
);

const SHAPES: ReadonlyMap<unknown, MessageShape> = new Map<unknown, MessageShape>([
  [DescribeRequest, shape([3, FLAT], [4, FLAT])],
  [Manifest, shape([3, shape([4, FLAT])])],
  [ReviewRequest, shape([8, VIEW])],
  [Verdict, shape([2, FLAT], [3, shape([5, FLAT])], [4, shape([2, FLAT])], [5, FLAT], [6, FLAT], [8, FLAT])],
  [WatchRequest, FLAT],
  [Event, shape([1, FLAT], [2, FLAT])],
]);
