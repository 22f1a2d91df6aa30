"""Words for a real call, auto_repairs_stereo.wav: what two people might say whenever one of them talks there.

The times are those at which voice activity begins and ends on each channel, some pauses left in. The words are made
up: a customer who is let down, and an agent who makes up for it.
"""

from typing import Final

from tests.assemblyai import Line

CUSTOMER: Final = 1
AGENT: Final = 2

LINES: Final = tuple(
    Line(voice, text, start_ms, end_ms)
    for voice, start_ms, end_ms, text in (
        (AGENT, 400, 5_864, "Thank you for calling the auto repair shop, this is Dana. How can I help you today?"),
        (CUSTOMER, 6_800, 13_128, "Yes, hello. I brought you my car last Monday for the brakes, it is the grey van."),
        (CUSTOMER, 14_104, 19_752, "You told me that it would be ready on Wednesday, and it was not."),
        (CUSTOMER, 21_096, 22_272, "Nobody called me."),
        (
            CUSTOMER,
            23_296,
            32_240,
            "I have been taking the bus to work all week, I missed an appointment, and I am really angry about it.",
        ),
        (
            CUSTOMER,
            32_864,
            42_704,
            "And when I picked it up yesterday it still made the same terrible noise. I paid four hundred dollars for "
            "nothing. That is awful service.",
        ),
        (AGENT, 44_808, 50_728, "I am so sorry to hear that. May I have your name and the number on the invoice?"),
        (CUSTOMER, 51_904, 56_032, "It is Martin, and the number is two zero seven five."),
        (AGENT, 56_904, 58_048, "Two zero seven five."),
        (CUSTOMER, 59_392, 64_248, "It may be under the name of my wife, which is Elena."),
        (
            AGENT,
            65_496,
            73_696,
            "Okay, I have it here. The front pads were replaced on Thursday, and then there was a road test.",
        ),
        (CUSTOMER, 76_000, 78_912, "Well, that test was useless then."),
        (CUSTOMER, 81_056, 83_440, "It squeals at every corner, it is horrible."),
        (CUSTOMER, 87_272, 89_416, "Are you still there?"),
        (AGENT, 90_352, 96_872, "Yes, I am. I was reading the notes of the mechanic who worked on the van."),
        (
            AGENT,
            97_392,
            118_520,
            "He writes that the pads are new and that the discs were measured, and that they are within the limits. "
            "What he did not do is look at the rear brakes, because they were not on the order. The noise that you "
            "hear at a corner usually comes from there, or from a shield that touches the disc.",
        ),
        (CUSTOMER, 119_840, 125_192, "I see. And what would it cost to look at that?"),
        (
            CUSTOMER,
            127_152,
            139_432,
            "Because I am not paying you one more dollar. I have lost all my trust in this shop, and the way that I "
            "was treated at the counter yesterday was a disgrace.",
        ),
        (AGENT, 140_488, 145_600, "You will not pay anything for it. The guarantee covers that."),
        (
            AGENT,
            146_200,
            165_624,
            "What I can do is this. You bring the van in on Tuesday morning, and we take the wheels off while you "
            "wait. If it is the shield it takes ten minutes. If it is the rear pads we have them here, and you get a "
            "car from us until the evening.",
        ),
        (CUSTOMER, 166_560, 168_240, "On Tuesday morning."),
        (
            CUSTOMER,
            168_856,
            193_784,
            "Tuesday is possible if it is early. I start at nine, and from your place to the office it is about "
            "twenty minutes by car, so I would need to leave at half past eight. My daughter has to be at school at "
            "eight, and the school is on the way, so I could be at the gate at about a quarter past eight, and then "
            "I would take the other car to the office.",
        ),
        (CUSTOMER, 194_328, 200_792, "That would be good. I am glad that somebody listens and takes care of it."),
        (
            AGENT,
            201_608,
            211_928,
            "Then I put you down for a quarter past eight on Tuesday. There will be a car at the gate with your name "
            "on it, and the key is at the counter.",
        ),
        (CUSTOMER, 212_720, 215_152, "Perfect, that is great, thank you."),
        (AGENT, 215_736, 217_576, "You are very welcome."),
        (CUSTOMER, 218_128, 220_208, "You have been wonderful."),
        (AGENT, 220_928, 228_336, "I am happy that we found a way. Is there anything else that I can do for you?"),
        (CUSTOMER, 229_616, 232_056, "No, I love how you solved this."),
        (AGENT, 232_592, 234_352, "That is kind of you."),
        (CUSTOMER, 235_272, 238_792, "I feel so much better now, thanks for your help."),
        (AGENT, 239_312, 242_080, "I am glad. Have a lovely day, Martin."),
        (CUSTOMER, 242_400, 243_416, "You too."),
        (AGENT, 243_904, 244_440, "Goodbye."),
        (CUSTOMER, 244_896, 245_136, "Bye."),
    )
)
