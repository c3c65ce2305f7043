"""A folder that labels what is dropped into it.

    inbox/             where recordings are dropped, each with or without a transcript: call.json or call.wav.json
    claimed/<stem>/    the recording being processed
    outbox/<stem>/     the recording, its transcript, and <stem>.labelled.json, .rttm, .html, and .srt if it has one
    failed/<stem>/     the recording, its transcript, and <stem>.error.txt

    inbox     the files of one stem in the inbox           -> InboxFiles: still being copied, or ready
    claim     InboxFiles, moved to claimed/                -> Claim: delivered to the outbox, or to failed
    idle      how long a run waits for the next recording -> IdlePolicy
    run       process every claim, one after the other, with a Labeller

A run can be killed at any time without losing a file or leaving half a result: each file is moved by one rename, and a
finished folder is moved as a whole. The next run resumes unfinished claims; after three crashed runs, it moves the
recording to failed.

A file counts as copied once it is unchanged for some seconds of the monotonic clock. Names that begin with a dot are
ignored, so a slow copy can use such a name and rename the file when it is complete, as rsync does.
"""
