//! The core as the program behind a window.

use futures_util::StreamExt;
use hardline_app::{
    Core,
    ids::RoomId,
    notice::Notice,
    view::{
        calls::{CallAction, CallEffect, CallsState},
        new_conversation::{NewConversationAction, NewConversationEffect, NewConversationState},
        onboarding::{OnboardingAction, OnboardingState},
        recovery::{RecoveryAction, RecoveryState},
        room::{RoomAction, RoomEffect, RoomState, Row},
        room_details::{MemberRow, RoomDetailsAction, RoomDetailsEffect, RoomDetailsState},
        room_list::{RoomListAction, RoomListEffect, RoomListState, RoomRow},
        settings::{SettingsAction, SettingsState},
        shell::{ShellAction, ShellEffect, ShellState},
        verification::{VerificationAction, VerificationState},
    },
};
use hardline_platform::Services;

use super::Program;
use crate::{
    adapters::Screen,
    images::{Pixels, Source},
    models::Listing,
};

impl Program for Core {
    fn shell(&self) -> Screen<ShellState, ShellAction, ShellEffect> {
        Self::shell(self).into()
    }

    fn onboarding(&self) -> Screen<OnboardingState, OnboardingAction, ()> {
        Self::onboarding(self).into()
    }

    fn room_list(
        &self,
    ) -> (
        Screen<RoomListState, RoomListAction, RoomListEffect>,
        Listing<RoomRow>,
    ) {
        let list = Self::room_list(self);
        let (rows, diffs) = list.rows();
        let listing = Listing {
            rows: rows.into_iter().collect(),
            diffs: diffs.boxed_local(),
        };
        ((*list).clone().into(), listing)
    }

    fn open_room(
        &self,
        room_id: &RoomId,
    ) -> Option<(Screen<RoomState, RoomAction, RoomEffect>, Listing<Row>)> {
        let room = Self::open_room(self, room_id)?;
        let (rows, diffs) = room.rows();
        let listing = Listing {
            rows: rows.into_iter().collect(),
            diffs: diffs.boxed_local(),
        };
        let screen = Screen {
            state: room.state(),
            effects: room.effects(),
            send: std::rc::Rc::new(move |action| room.send(action)),
        };
        Some((screen, listing))
    }

    fn room_details(
        &self,
        room_id: &RoomId,
    ) -> Option<(
        Screen<RoomDetailsState, RoomDetailsAction, RoomDetailsEffect>,
        Listing<MemberRow>,
    )> {
        let details = Self::room_details(self, room_id)?;
        let (rows, diffs) = details.rows();
        let listing = Listing {
            rows: rows.into_iter().collect(),
            diffs: diffs.boxed_local(),
        };
        let screen = Screen {
            state: details.state(),
            effects: details.effects(),
            send: std::rc::Rc::new(move |action| details.send(action)),
        };
        Some((screen, listing))
    }

    fn new_conversation(
        &self,
    ) -> Screen<NewConversationState, NewConversationAction, NewConversationEffect> {
        Self::new_conversation(self).into()
    }

    fn verification(&self) -> Screen<Option<VerificationState>, VerificationAction, ()> {
        Self::verification(self).into()
    }

    fn recovery(&self) -> Screen<RecoveryState, RecoveryAction, ()> {
        Self::recovery(self).into()
    }

    fn settings(&self) -> Screen<SettingsState, SettingsAction, Notice> {
        Self::settings(self).into()
    }

    fn calls(&self) -> Screen<CallsState, CallAction, CallEffect> {
        Self::calls_view(self).into()
    }

    fn pictures(&self) -> Source {
        let media = self.media().clone();
        Box::new(move |key, width, height| {
            let asked = media.image(key, width, height);
            Box::pin(async move {
                let picture = asked.await?;
                Some(Pixels {
                    rgba: picture.rgba,
                    width: picture.width,
                    height: picture.height,
                })
            })
        })
    }

    fn services(&self) -> &Services {
        self.platform()
    }

    fn runtime(&self) -> &tokio::runtime::Handle {
        self.tasks().runtime()
    }
}
