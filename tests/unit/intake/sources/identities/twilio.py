"""https://www.twilio.com/docs/usage/webhooks/webhooks-overview"""

from tests.support.samples import Sent
from tests.unit.intake.sources.identities.requests import form


def progress(status: str, number: int, call: str = "CA1") -> Sent:
    fields = {"CallSid": call, "CallStatus": status, "SequenceNumber": str(number)}
    return form(fields | {"CallbackSource": "call-progress-events"})


def conference(event: str, number: int) -> Sent:
    fields = {"ConferenceSid": "CF1", "CallSid": "CA1", "StatusCallbackEvent": event}
    return form(fields | {"SequenceNumber": str(number)})


def recording(status: str, identity: str = "RE1") -> Sent:
    return form({"RecordingSid": identity, "CallSid": "CA1", "RecordingStatus": status})


def transcript(event: str, number: int) -> Sent:
    fields = {"TranscriptionSid": "GT1", "TranscriptionEvent": event}
    return form(fields | {"SequenceId": str(number)})


def gather(number: int) -> Sent:
    return form({"CallSid": "CA1", "CallStatus": "in-progress", "SequenceNumber": str(number)})


EVENTS = [
    form({"MessageSid": "SM1", "MessageStatus": "queued", "SmsStatus": "queued"}),
    form({"MessageSid": "SM1", "MessageStatus": "sent", "SmsStatus": "sent"}),
    form({"MessageSid": "SM2", "SmsStatus": "received"}),
    form({"CallSid": "CA1", "Digits": "1"}, I_Twilio_Idempotency_Token="t-1"),
    form({"CallSid": "CA1", "Digits": "1"}, I_Twilio_Idempotency_Token="t-2"),
    progress("ringing", 1),
    progress("completed", 2),
    progress("ringing", 1, "CA2"),
    conference("participant-join", 2),
    conference("participant-join", 3),
    conference("participant-leave", 4),
    recording("in-progress"),
    recording("completed"),
    recording("completed", "RE2"),
    transcript("transcription-content", 2),
    transcript("transcription-content", 3),
]
REDELIVERIES = [
    (
        form({"MessageSid": "SM1", "MessageStatus": "sent"}),
        form({"MessageSid": "SM1", "MessageStatus": "sent", "RawDlrDoneDate": "1"}),
    ),
    (progress("ringing", 1), progress("ringing", 1)),
]
KEPT = [(EVENTS[1], ['["SM1","sent"]']), (EVENTS[3], ["t-1"])]
UNKEYED = [
    gather(0),
    form({"CallSid": "CA1", "CallStatus": "in-progress", "Digits": "1"}),
    form({"CallSid": "CA1", "AnsweredBy": "human"}),
]
