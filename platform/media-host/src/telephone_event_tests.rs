use super::*;

const OURS: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 OPUS/48000/2\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n";

fn format(number: u8, rate: u32) -> EventFormat {
    EventFormat { number, rate }
}

#[test]
fn formats_are_read_off_their_attribute() {
    for (text, expected) in [
        ("110 telephone-event/48000", Some(format(110, 48_000))),
        ("126 Telephone-Event/8000/1", Some(format(126, 8_000))),
        ("126 telephone-event/16000", None),
        ("128 telephone-event/8000", None),
        ("111 opus/48000/2", None),
        ("telephone-event/8000", None),
        ("", None),
    ] {
        assert_eq!(EventFormat::of_rtpmap(text), expected, "{text}");
    }
    let both = [format(126, 8_000), format(110, 48_000)];
    assert_eq!(EventFormat::best(&both), Some(both[1]));
    assert_eq!(EventFormat::best(&both[..1]), Some(both[0]));
    assert_eq!(EventFormat::best(&[]), None);
}

#[test]
fn they_are_put_into_the_sound_and_nowhere_else() {
    let expected = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 101\r\na=rtpmap:111 OPUS/48000/2\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n";
    let theirs = [format(101, 8_000)];
    assert_eq!(described(OURS, Some(&theirs)), expected);
    assert_eq!(described(expected, Some(&theirs)), expected);
    assert_eq!(described(OURS, Some(&[])), OURS);
    let rejected = OURS.replace("m=audio 9", "m=audio 0");
    assert_eq!(described(&rejected, None), rejected);
}

#[test]
fn numbers_of_our_choice_are_free_ones() {
    let numbers = |media: &str| {
        let formats = free(media).into_iter();
        formats.map(|format| format.number).collect::<Vec<u8>>()
    };
    assert_eq!(numbers("m=audio 9 UDP/TLS/RTP/SAVPF 111"), [110, 126]);
    assert_eq!(numbers("m=audio 9 UDP/TLS/RTP/SAVPF 110"), [96, 126]);
    assert_eq!(numbers("m=audio 9 UDP/TLS/RTP/SAVPF 126 96"), [110, 97]);
}

#[test]
fn a_packet_is_read_as_it_was_written() {
    let sound = [
        0x90, 0x6f, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4, // header
        0xbe, 0xde, 0, 1, 1, 1, 1, 1, // extension
        5, 6, 7,
    ];
    let packet = KeyPacket {
        timestamp: 8,
        code: 11,
        end: true,
        duration: 4_800,
        first: true,
    };
    let bytes = packet.write(&sound, 110).unwrap();
    assert_eq!(bytes[1], 0x80 | 110);
    assert_eq!(bytes[2..4], sound[2..4], "the number of the packet");
    assert_eq!(bytes[20..], [11, 0x8a, 0x12, 0xc0]);
    assert_eq!(KeyPacket::read(&bytes, &[126, 110]), Some(packet));
    assert_eq!(KeyPacket::read(&bytes, &[126]), None);
    assert_eq!(packet.key(), Some(Key('#')));
    for end in 0..bytes.len() {
        assert_eq!(KeyPacket::read(&bytes[..end], &[110]), None);
    }
}
