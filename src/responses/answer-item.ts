/** What has come of one item of an answer, and how its blocks are written. */
import type { AnswerEvent, BlockKind, JsonObject, PartPlace } from '../contract/index.js'
import type { ItemKind } from './item-types.js'
import { Parts } from './parts.js'
import type { Terminal } from './read-terminal.js'
import { TextBuffer } from './text-buffer.js'

/** A stretch of an item's text whose deltas are followed by the whole. */
export class Part {
  /** what was shown, or waits to be */
  readonly buffer = new TextBuffer()
  /** what the server reported done */
  whole: string | undefined = undefined
  /** of a message, where each part is a block: its number, once it has started */
  block: number | undefined = undefined
  /** of a message: as the server reported it done */
  wire: JsonObject | undefined = undefined
  annotations: unknown[] | undefined = undefined

  constructor(readonly place: PartPlace) {}

  text(): string {
    return this.whole ?? this.buffer.text()
  }
}

export class AnswerItem {
  index: number | undefined = undefined
  itemId: string | undefined = undefined
  callId: string | undefined = undefined
  added = false
  done = false
  /** as the server announced it, then as it reported it done */
  wire: JsonObject | undefined = undefined
  /** by content index of a message, by kind and index of a reasoning item, one of a call; empty once done */
  readonly parts = new Parts<Part>()
  /** the number of its block, once that has started; a message has one for each part */
  block: number | undefined = undefined
  ended = false
  /** of a call: the id that its block has, whatever events say later */
  blockId = ''
  /** of a call: the tool's; of a hosted item: its type */
  name = ''
  /** of a call: it came whole, so its block ended with arguments and the response holds it */
  isWhole = false
  /** whether `item_start` and `item_end` have been written */
  told: 'not' | 'started' | 'ended' = 'not'

  constructor(readonly kind: ItemKind) {}

  /** The part at that place: a message's texts and refusals are one list, a reasoning item's summary and text are two. */
  part(kind: PartPlace['kind'], index: number): Part {
    const key = this.kind === 'reasoning' ? `${kind} ${index}` : index
    const known = this.parts.get(key)
    if (known) return known
    const part = new Part({ kind, index })
    this.parts.add(key, part)
    return part
  }
}

/** What the reader has to know of a kind of item. */
export interface ItemRules {
  /** It was announced. */
  add(item: AnswerItem, wire: JsonObject, blocks: BlockWriter): void
  /** It was reported done, as `wire`, which it keeps: shows what no delta had shown. */
  finish(item: AnswerItem, wire: JsonObject, blocks: BlockWriter): void
  /** The answer has ended; called once, for done items too. */
  end(item: AnswerItem, end: Terminal['kind'], blocks: BlockWriter): void
  /** As the wire has it, or would have what came of it; undefined for what the response must not hold. */
  build(item: AnswerItem): JsonObject | undefined
}

/** Numbers an answer's blocks and writes their events. */
export class BlockWriter {
  /** where the events of the present wire event go */
  out: AnswerEvent[] = []
  /** see {@link AnswerReader.difference} */
  difference: string | undefined = undefined

  /** @param withItems write what the blocks belong to as well */
  constructor(public nextIndex: number, readonly withItems: boolean) {}

  start(item: AnswerItem, block: BlockKind, fields?: { toolCallId?: string; name?: string }, part?: PartPlace): number {
    const index = this.nextIndex++
    if (this.withItems) {
      this.startItem(item, item.wire ?? { type: item.kind })
      this.out.push({ type: 'block_start', index, block, ...fields, item, part })
    } else this.out.push({ type: 'block_start', index, block, ...fields })
    return index
  }

  startItem(item: AnswerItem, wire: JsonObject): void {
    if (!this.withItems || item.told !== 'not') return
    item.told = 'started'
    this.out.push({ type: 'item_start', item, wire })
  }

  endItem(item: AnswerItem, wire: JsonObject, isWhole: boolean): void {
    if (item.told !== 'started') return
    item.told = 'ended'
    this.out.push({ type: 'item_end', item, wire, isWhole })
  }

  /**
   * The part's whole text has come: answers what of it was not shown. Shown text can't be taken back, so
   * nothing where the whole does not begin with it; that is the answer's {@link difference}.
   * @param what names the part, for the difference; absent where none is kept
   */
  takeWhole(part: Part, whole: string, what?: string): string {
    if (part.whole === whole) return ''
    part.whole = whole
    const shown = part.buffer.text()
    if (!whole.startsWith(shown)) {
      if (what !== undefined) this.differs(what)
      return ''
    }
    part.buffer.set(whole)
    return whole.slice(shown.length)
  }

  differs(what: string): void {
    this.difference ??= `the streamed ${what} is not what the server reported done`
  }
}
