//! Between the terms of signalling and those of the media process. Each has types of its own, so that neither knows the other.

use hardline_platform::media::protocol as media;
use hardline_rtc::voip::{self, MediaFailure, MediaRequest, Purpose};

use super::{devices::ChosenDevices, state::CallOptions};

/// A request as the media process takes it; `None` if there is nothing for it to do.
pub(super) fn request(request: &MediaRequest) -> Option<media::Request> {
    Some(match request {
        MediaRequest::Offer {
            round,
            shape,
            fresh,
        } => media::Request::Offer {
            round: media::Round(round.0),
            shape: self::shape(*shape),
            fresh: *fresh,
        },
        MediaRequest::Answer {
            round,
            offer,
            shape,
            discard,
            ..
        } => media::Request::Answer {
            round: media::Round(round.0),
            offer: sdp(offer),
            shape: self::shape(*shape),
            discard: *discard,
        },
        MediaRequest::Accept { round, answer, .. } => media::Request::Accept {
            round: media::Round(round.0),
            answer: sdp(answer),
        },
        MediaRequest::Discard { round } => media::Request::Discard {
            round: media::Round(round.0),
        },
        MediaRequest::Candidates(candidates) => media::Request::Candidates {
            candidates: candidates.iter().map(candidate).collect(),
        },
        MediaRequest::Apply { shape, mute } => media::Request::Apply {
            shape: self::shape(*shape),
            muted: mute.audio,
        },
        // Only its first stream is played, whatever the other side says about it.
        MediaRequest::Streams(_) => return None,
        MediaRequest::Dial(keys) => media::Request::Dial {
            tones: media::Tones(keys.clone()),
        },
        MediaRequest::Close => media::Request::Close,
    })
}

/// Which description a request asks for.
pub(super) fn asked_round(request: &media::Request) -> Option<media::Round> {
    match request {
        media::Request::Offer { round, .. } | media::Request::Answer { round, .. } => Some(*round),
        media::Request::Accept { round, .. } => Some(*round),
        _ => None,
    }
}

fn shape(shape: voip::Shape) -> media::Shape {
    media::Shape { held: shape.held }
}

fn sdp(sdp: &voip::Sdp) -> media::Sdp {
    media::Sdp(sdp.as_str().to_owned())
}

fn candidate(candidate: &voip::wire::Candidate) -> media::Candidate {
    media::Candidate {
        candidate: candidate.candidate.clone(),
        sdp_mid: candidate.sdp_mid.clone(),
        sdp_m_line_index: candidate.sdp_m_line_index,
    }
}

/// An event as signalling takes it; `None` if it does not concern it.
pub(super) fn event(event: media::Event) -> Option<voip::MediaEvent> {
    use media::Event;
    use voip::MediaEvent;
    Some(match event {
        Event::Offer {
            round,
            sdp,
            streams,
        } => match voip::Sdp::parse(&sdp.0) {
            Ok(sdp) => MediaEvent::Offer {
                round: voip::Round(round.0),
                sdp,
                streams: self::streams(streams),
            },
            Err(_) => MediaEvent::Failed(MediaFailure::Crashed),
        },
        Event::Answer {
            round,
            sdp,
            streams,
            fresh,
        } => match voip::Sdp::parse(&sdp.0) {
            Ok(sdp) => MediaEvent::Answer {
                round: voip::Round(round.0),
                sdp,
                streams: self::streams(streams),
                fresh,
            },
            Err(_) => MediaEvent::Failed(MediaFailure::Crashed),
        },
        Event::Candidate { candidate } => MediaEvent::Candidate(voip::wire::Candidate {
            candidate: candidate.candidate,
            sdp_mid: candidate.sdp_mid,
            sdp_m_line_index: candidate.sdp_m_line_index,
        }),
        Event::GatheringComplete => MediaEvent::GatheringComplete,
        Event::Connected => MediaEvent::Connected,
        Event::Disconnected => MediaEvent::Disconnected,
        Event::Failed { fault, .. } => MediaEvent::Failed(failure(fault.failure()?)),
        Event::Ready { .. }
        | Event::Started
        | Event::Heard
        | Event::Dialled { .. }
        | Event::Devices { .. }
        | Event::Meter(_)
        | Event::Statistics(_)
        | Event::Refused { .. }
        | Event::Closed => return None,
    })
}

fn streams(streams: Vec<media::LocalStream>) -> Vec<voip::LocalStream> {
    let stream = |stream: media::LocalStream| voip::LocalStream {
        id: stream.id,
        purpose: match stream.purpose {
            media::Purpose::UserMedia => Purpose::UserMedia,
        },
    };
    streams.into_iter().map(stream).collect()
}

fn failure(failure: media::Failure) -> MediaFailure {
    match failure {
        media::Failure::Capture => MediaFailure::Capture,
        media::Failure::Description => MediaFailure::Description,
        media::Failure::Connection => MediaFailure::Connection,
        media::Failure::Unauthentic => MediaFailure::Unauthentic,
        media::Failure::Crashed => MediaFailure::Crashed,
    }
}

/// How the media process is to begin; the relays are filled in when it does.
pub(super) fn setup(options: &CallOptions, devices: &ChosenDevices) -> media::Setup {
    media::Setup {
        ice_servers: Vec::new(),
        relay_only: options.relay_only,
        local_addresses: options.addresses.clone(),
        source: devices.source(options),
        sink: devices.sink(options),
        meter_interval: None,
        voice_processing: true,
    }
}
