/** A connection as the listener needs it while it drains. */
export interface Line {
  /** Tells the client, where the protocol can, that it should begin nothing new here. */
  leave(): void;
  /** Nothing new is begun, whatever arrives: ends the connection as soon as what is under way is over. */
  shut(): void;
  /** Nothing new is waited for: ends the connection where nothing is under way, and else as soon as that is over. Called again and again. */
  settle(): void;
}
