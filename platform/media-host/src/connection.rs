//! A connection to the other side: webrtcbin with what encodes for it and what decodes from it.
//!
//! Everything that webrtcbin says comes as a [`Notice`] with the number of the connection, so that a late word of one that was
//! replaced is told apart.

use std::sync::mpsc::Sender;

use gstreamer::{self as gst, glib, prelude::*};
use gstreamer_sdp::SDPMessage;
use gstreamer_webrtc::{
    WebRTCICEGatheringState, WebRTCPeerConnectionState, WebRTCRTPTransceiver,
    WebRTCRTPTransceiverDirection, WebRTCSDPType, WebRTCSessionDescription,
};
use hardline_media_protocol::{Setup, Shape};

use crate::{
    certificate::{self, Certificate},
    dialler::Dialler,
    happening::{Happening, Notice},
    ice_servers::{self, Server},
    key_listener::KeyListener,
    pipeline::Pipeline,
    playback::Playback,
    statistics,
};

/// The number that stands for Opus in our offers; everybody's custom.
const OPUS: u8 = 111;
/// What the jitter buffer holds back, in milliseconds.
const JITTER_BUFFER: u32 = 100;

/// Whether a description asks or answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It asks.
    Offer,
    /// It answers.
    Answer,
}

/// A connection to the other side.
pub(crate) struct Connection {
    /// Tells it from those before.
    pub(crate) number: u32,
    /// All of it.
    pub(crate) bin: gst::Bin,
    webrtc: gst::Element,
    certificate: Certificate,
    /// Sends keys.
    pub(crate) dialler: Dialler,
    /// Receives keys.
    pub(crate) keys: KeyListener,
    send_pad: gst::Pad,
    tap: gst::Pad,
    inbox: Sender<Happening>,
}

impl Connection {
    /// Makes one and plugs it in. `opus` is the number that stands for Opus in the other side's offer; `None` if the offer is to be
    /// ours. The second says whether all servers could be used.
    pub(crate) fn open(
        number: u32,
        opus: Option<u8>,
        setup: &Setup,
        pipeline: &Pipeline,
        inbox: &Sender<Happening>,
    ) -> Result<(Self, bool), glib::BoolError> {
        let missing = || glib::bool_error!("a pad is missing");
        let bin = gst::Bin::with_name(&format!("connection-{number}"));
        let webrtc = webrtcbin(setup)?;
        let certificate = Certificate::make().map_err(|error| glib::bool_error!("{error}"))?;
        certificate.give(&webrtc);
        let servers_good = use_servers(&webrtc, setup);
        let encoder = encoder(opus)?;
        bin.add_many([&webrtc, encoder.upcast_ref()])?;
        prepare_ice(&webrtc, setup);
        let end = encoder.static_pad("src").ok_or_else(missing)?;
        let send_pad = webrtc.request_pad_simple("sink_%u").ok_or_else(missing)?;
        if send_pad.has_property("msid") {
            send_pad.set_property("msid", glib::uuid_string_random().as_str());
        }
        end.link(&send_pad)
            .map_err(|error| glib::bool_error!("{error}"))?;
        let begin = encoder.static_pad("sink").ok_or_else(missing)?;
        bin.add_pad(
            &gst::GhostPad::builder_with_target(&begin)?
                .name("sink")
                .build(),
        )?;
        let notify = Notifier {
            number,
            inbox: inbox.clone(),
        };
        let (dialler, keys) = (Dialler::default(), KeyListener::default());
        dialler.attach(&end);
        let tell = notify.clone();
        keys.attach(&webrtc, move |key| tell.say(Notice::Dialled(key)));
        notify.once(&end, || Notice::Captured);
        notify.connect(&webrtc);
        receive(&webrtc, &bin, pipeline.playback.clone(), notify);
        let tap = pipeline.plug(&bin)?;
        let connection = Self {
            number,
            bin,
            webrtc,
            certificate,
            dialler,
            keys,
            send_pad,
            tap,
            inbox: inbox.clone(),
        };
        Ok((connection, servers_good))
    }

    /// Takes it out and ends it.
    pub(crate) fn close(self, pipeline: &Pipeline) {
        pipeline.unplug(&self.bin, &self.tap);
    }

    /// Which way sound flows, as the next description says.
    pub(crate) fn set_shape(&self, shape: Shape) {
        let transceiver = self
            .send_pad
            .property::<Option<WebRTCRTPTransceiver>>("transceiver");
        if let Some(transceiver) = transceiver {
            transceiver.set_direction(match shape.held {
                true => WebRTCRTPTransceiverDirection::Sendonly,
                false => WebRTCRTPTransceiverDirection::Sendrecv,
            });
        }
    }

    /// Makes a description: [`Notice::Created`].
    pub(crate) fn create(&self, kind: Kind) {
        let (signal, field) = match kind {
            Kind::Offer => ("create-offer", "offer"),
            Kind::Answer => ("create-answer", "answer"),
        };
        let promise = self.promise(move |reply| Notice::Created(created(reply, field)));
        self.webrtc
            .emit_by_name::<()>(signal, &[&None::<gst::Structure>, &promise]);
    }

    /// Whether the other side has the key that it described.
    pub(crate) fn is_authentic(&self, fingerprint: &str) -> bool {
        certificate::is_authentic(&self.webrtc, fingerprint)
    }

    /// A description as the other side is to get it.
    pub(crate) fn complete(&self, sdp: &str) -> String {
        self.certificate.fingerprinted(sdp)
    }

    /// Sets our own description: [`Notice::SetLocal`].
    pub(crate) fn set_local(&self, kind: Kind, sdp: SDPMessage) {
        let promise = self.promise(|reply| Notice::SetLocal(outcome(reply).map(|_| ())));
        self.set("set-local-description", kind, sdp, &promise);
    }

    /// Sets the other side's description: [`Notice::SetRemote`].
    pub(crate) fn set_remote(&self, kind: Kind, sdp: SDPMessage) {
        let promise = self.promise(|reply| Notice::SetRemote(outcome(reply).map(|_| ())));
        self.set("set-remote-description", kind, sdp, &promise);
    }

    fn set(&self, signal: &str, kind: Kind, sdp: SDPMessage, promise: &gst::Promise) {
        let kind = match kind {
            Kind::Offer => WebRTCSDPType::Offer,
            Kind::Answer => WebRTCSDPType::Answer,
        };
        let description = WebRTCSessionDescription::new(kind, sdp);
        self.webrtc
            .emit_by_name::<()>(signal, &[&description, promise]);
    }

    /// Passes a way to the other side on.
    pub(crate) fn add_candidate(&self, section: u32, attribute: &str) {
        self.webrtc
            .emit_by_name::<()>("add-ice-candidate", &[&section, &attribute]);
    }

    /// Counts: [`Notice::Statistics`].
    pub(crate) fn count(&self) {
        let promise = self.promise(|reply| {
            let statistics = outcome(reply).ok().flatten().map(|s| statistics::read(&s));
            Notice::Statistics(statistics.unwrap_or_default())
        });
        self.webrtc
            .emit_by_name::<()>("get-stats", &[&None::<gst::Pad>, &promise]);
    }

    fn promise(
        &self,
        notice: impl FnOnce(Result<Option<&gst::StructureRef>, gst::PromiseError>) -> Notice
        + Send
        + 'static,
    ) -> gst::Promise {
        let (number, inbox) = (self.number, self.inbox.clone());
        gst::Promise::with_change_func(move |reply| {
            let _ = inbox.send(Happening::Connection(number, notice(reply)));
        })
    }
}

type Reply<'a> = Result<Option<&'a gst::StructureRef>, gst::PromiseError>;

/// What a promise was answered with; errors travel inside the answer.
fn outcome(reply: Reply<'_>) -> Result<Option<gst::Structure>, String> {
    let reply = reply.map_err(|error| format!("{error:?}"))?;
    let Some(reply) = reply else { return Ok(None) };
    match reply.get::<glib::Error>("error") {
        Ok(error) => Err(error.message().to_owned()),
        Err(_) => Ok(Some(reply.to_owned())),
    }
}

fn created(reply: Reply<'_>, field: &str) -> Result<String, String> {
    let reply = outcome(reply)?.ok_or("no description was made")?;
    let description = reply
        .get::<WebRTCSessionDescription>(field)
        .map_err(|_| "no description was made")?;
    let text = description.sdp().as_text();
    text.map_err(|error| error.message.to_string())
}

fn webrtcbin(setup: &Setup) -> Result<gst::Element, glib::BoolError> {
    let policy = if setup.relay_only { "relay" } else { "all" };
    gst::ElementFactory::make("webrtcbin")
        .property_from_str("bundle-policy", "max-bundle")
        .property_from_str("ice-transport-policy", policy)
        .property("latency", JITTER_BUFFER)
        .build()
}

fn use_servers(webrtc: &gst::Element, setup: &Setup) -> bool {
    let mut all_good = true;
    for server in ice_servers::servers(&setup.ice_servers) {
        match server {
            Some(Server::Stun(address)) => webrtc.set_property("stun-server", address),
            Some(Server::Turn(address)) => {
                all_good &= webrtc.emit_by_name::<bool>("add-turn-server", &[&address]);
            }
            None => all_good = false,
        }
    }
    all_good
}

fn prepare_ice(webrtc: &gst::Element, setup: &Setup) {
    let ice = webrtc.property::<gst::Object>("ice-agent");
    // webrtcbin hands out its own, floating reference, which taking it has made ours: it must get it back.
    if ice.ref_count() == 1 {
        std::mem::forget(ice.clone());
    }
    if ice.has_property("agent") {
        // Nobody asked for ports to be opened in the router, and asking it takes a server of its own.
        let agent = ice.property::<glib::Object>("agent");
        if agent.has_property("upnp") {
            agent.set_property("upnp", false);
        }
    }
    for address in &setup.local_addresses {
        let _ = ice.emit_by_name::<bool>("add-local-ip-address", &[&address.to_string()]);
    }
}

/// From plain sound to packets. What cannot be sent in time is dropped at the beginning.
fn encoder(opus: Option<u8>) -> Result<gst::Bin, glib::BoolError> {
    // The other side's offer may have other wishes about the format than ours would.
    let wishes = match opus {
        None => ",minptime=(string)10,useinbandfec=(string)1",
        Some(_) => "",
    };
    let opus = opus.unwrap_or(OPUS);
    let description = format!(
        "queue leaky=downstream max-size-buffers=0 max-size-bytes=0 max-size-time=100000000 ! \
         opusenc bitrate=24000 inband-fec=true packet-loss-percentage=5 dtx=true audio-type=voice frame-size=20 ! \
         rtpopuspay pt={opus} ! \
         capsfilter caps=\"application/x-rtp,media=(string)audio,encoding-name=(string)OPUS,payload=(int){opus},clock-rate=(int)48000{wishes}\""
    );
    gst::parse::bin_from_description(&description, true)
        .map_err(|error| glib::bool_error!("{}", error.message()))
}

/// Decodes what comes, in the thread it comes in: nothing may come before it is linked.
fn receive(webrtc: &gst::Element, bin: &gst::Bin, playback: Playback, notify: Notifier) {
    let bin = bin.downgrade();
    webrtc.connect_pad_added(move |_, pad| {
        let Some(bin) = bin.upgrade() else { return };
        if pad.direction() != gst::PadDirection::Src {
            return;
        }
        // Only the first sound is heard.
        let heard = is_opus(pad) && bin.by_name(crate::happening::PLAYBACK).is_none();
        let linked = match heard {
            true => play(&bin, pad, &playback, &notify),
            false => drop_all(&bin, pad),
        };
        if let Err(error) = linked {
            notify.failed(error.message.to_string());
        }
    });
}

fn is_opus(pad: &gst::Pad) -> bool {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let name = caps
        .structure(0)
        .and_then(|structure| structure.get::<String>("encoding-name").ok());
    name.is_some_and(|name| name.eq_ignore_ascii_case("opus"))
}

fn play(
    bin: &gst::Bin,
    pad: &gst::Pad,
    playback: &Playback,
    notify: &Notifier,
) -> Result<(), glib::BoolError> {
    let decoder = playback.build()?;
    if let Some(decoded) = decoder
        .by_name("received")
        .and_then(|level| level.static_pad("src"))
    {
        notify.once(&decoded, || Notice::Heard);
    }
    bin.add(&decoder)?;
    decoder.sync_state_with_parent()?;
    link(pad, decoder.upcast_ref())
}

fn drop_all(bin: &gst::Bin, pad: &gst::Pad) -> Result<(), glib::BoolError> {
    let sink = gst::ElementFactory::make("fakesink")
        .property("sync", false)
        .property("async", false)
        .build()?;
    bin.add(&sink)?;
    sink.sync_state_with_parent()?;
    link(pad, &sink)
}

fn link(pad: &gst::Pad, element: &gst::Element) -> Result<(), glib::BoolError> {
    let sink = element
        .sink_pads()
        .into_iter()
        .next()
        .ok_or_else(|| glib::bool_error!("a pad is missing"))?;
    pad.link(&sink)
        .map_err(|error| glib::bool_error!("{error}"))?;
    Ok(())
}

/// Tells the main thread, with the number of the connection.
#[derive(Clone)]
struct Notifier {
    number: u32,
    inbox: Sender<Happening>,
}

impl Notifier {
    fn say(&self, notice: Notice) {
        let _ = self.inbox.send(Happening::Connection(self.number, notice));
    }

    fn failed(&self, what: String) {
        let fault = hardline_media_protocol::Fault::Pipeline { what };
        let news = crate::happening::News::Failed(fault);
        let _ = self.inbox.send(Happening::Pipeline(news));
    }

    /// Says something when the first buffer passes a pad.
    fn once(&self, pad: &gst::Pad, notice: fn() -> Notice) {
        let notify = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            notify.say(notice());
            gst::PadProbeReturn::Remove
        });
    }

    fn connect(&self, webrtc: &gst::Element) {
        let notify = self.clone();
        webrtc.connect("on-ice-candidate", false, move |values| {
            let section = values.get(1).and_then(|value| value.get::<u32>().ok())?;
            let attribute = values.get(2).and_then(|value| value.get::<String>().ok())?;
            notify.say(Notice::Candidate(section, attribute));
            None
        });
        let notify = self.clone();
        webrtc.connect_notify(Some("ice-gathering-state"), move |webrtc, _| {
            let state = webrtc.property::<WebRTCICEGatheringState>("ice-gathering-state");
            if state == WebRTCICEGatheringState::Complete {
                notify.say(Notice::GatheringComplete);
            }
        });
        let notify = self.clone();
        webrtc.connect_notify(Some("connection-state"), move |webrtc, _| {
            let state = webrtc.property::<WebRTCPeerConnectionState>("connection-state");
            notify.say(Notice::State(state));
        });
    }
}
