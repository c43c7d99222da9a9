import { getHeapStatistics } from "node:v8";

/** Of the heap this process may have at most, the part that is in use, what could be collected included: 0 to 1. */
export function heapShare(): number {
  const { used_heap_size: usedBytes, heap_size_limit: mostBytes } = getHeapStatistics();
  return usedBytes / mostBytes;
}
