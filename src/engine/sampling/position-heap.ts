/** A heap of positions, the one with the lowest key on top; of equal keys the highest position. */

/** Makes a heap of `positions[0, size)`. */
export function heapify(positions: Int32Array, size: number, keys: Float32Array): void {
  for (let parent = (size >> 1) - 1; parent >= 0; parent--) siftDown(positions, size, keys, parent);
}

/** Restores the heap when only the position at `parent` may come after those below it. */
export function siftDown(heap: Int32Array, size: number, keys: Float32Array, parent: number): void {
  const sinking = heap[parent] ?? 0;
  for (;;) {
    let child = 2 * parent + 1;
    if (child >= size) break;
    if (child + 1 < size && comesBefore(heap[child + 1] ?? 0, heap[child] ?? 0, keys)) child++;
    const rising = heap[child] ?? 0;
    if (!comesBefore(rising, sinking, keys)) break;
    heap[parent] = rising;
    parent = child;
  }
  heap[parent] = sinking;
}

function comesBefore(a: number, b: number, keys: Float32Array): boolean {
  const keyA = keys[a] ?? 0;
  const keyB = keys[b] ?? 0;
  return keyA < keyB || (keyA === keyB && a > b);
}
