"""A folder that labels what is dropped into it.

    inbox/             where recordings are dropped, each with or without a transcript of the same stem
    claimed/<stem>/    what is being worked on
    outbox/<stem>/     the recording, its transcript, and <stem>.labelled.json, .rttm, .html, and .srt if it has one
    failed/<stem>/     the recording, its transcript, and <stem>.error.txt

    inbox     what lies in the inbox                     -> Arrival: still being copied, or ready
    claim     an Arrival, out of everybody's reach       -> Claim: delivered to the outbox, or to failed
    run       all there is, one after the other, by a Labeller

Nothing is lost, whatever ends a run, and nothing is seen half done: a file is moved by one rename, and what is finished
is moved as a whole folder. What a run had claimed and not finished, the next one takes up again, but not for ever: a
recording that three runs did not survive goes to failed, with that as its error.

Whoever copies into the inbox need not know any of this. A file counts as copied when a run has seen it unchanged for
some seconds, by a clock that nobody sets. Names that begin with a dot are left alone, so a copy over a slow line can
take its time under such a name and be renamed at its end, as rsync does.
"""
