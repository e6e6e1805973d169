//! What people are told of a refusal: one total table from its class to status, name and words, in every language.

use http::StatusCode;

use crate::{language::Text, reason::Class};

/// How a class is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    pub(crate) status: StatusCode,
    /// The stable name, `reason` in the problem document.
    pub(crate) name: &'static str,
    pub(crate) title: Text,
    /// What to do now, for whoever holds the tablet.
    pub(crate) advice: Text,
}

const fn words(
    status: StatusCode,
    name: &'static str,
    title: [&'static str; 3],
    advice: [&'static str; 3],
) -> Words {
    Words { status, name, title: Text(title), advice: Text(advice) }
}

#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) const fn told(class: Class) -> Words {
    use StatusCode as S;
    match class {
        Class::MalformedRequest => words(S::BAD_REQUEST, "malformed_request",
            ["Deze aanvraag is op meer dan één manier te lezen.", "Cette demande peut être lue de plusieurs façons.", "This request cannot be read in one way only."],
            ["Ga terug en probeer opnieuw. Gebeurt het nog eens, geef dan de code hieronder aan de servicedesk.", "Revenez en arrière et réessayez. Si cela se répète, donnez le code ci-dessous au service desk.", "Go back and try again. If it happens again, give the code below to the service desk."]),
        Class::HeadTooLarge => words(S::REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large",
            ["De kop van deze aanvraag is te groot.", "L'en-tête de cette demande est trop grand.", "This request's headers are too large."],
            ["Sluit de browser en open hem opnieuw. Gebeurt het nog eens, geef dan de code hieronder aan de servicedesk.", "Fermez le navigateur et rouvrez-le. Si cela se répète, donnez le code ci-dessous au service desk.", "Close the browser and open it again. If it happens again, give the code below to the service desk."]),
        Class::TooManyRequests => words(S::TOO_MANY_REQUESTS, "too_many_requests",
            ["Te veel aanvragen in korte tijd.", "Trop de demandes en peu de temps.", "Too many requests in a short time."],
            ["Wacht even en probeer opnieuw.", "Attendez un instant et réessayez.", "Wait a moment and try again."]),
        Class::Busy => words(S::SERVICE_UNAVAILABLE, "busy",
            ["Het systeem is bezet.", "Le système est occupé.", "The system is busy."],
            ["Wacht even en probeer opnieuw.", "Attendez un instant et réessayez.", "Wait a moment and try again."]),
        Class::UnknownAddress => words(S::NOT_FOUND, "unknown_address",
            ["Op dit adres is er niets.", "Il n'y a rien à cette adresse.", "There is nothing at this address."],
            ["Kijk het adres na, of begin bij het portaal.", "Vérifiez l'adresse, ou partez du portail.", "Check the address, or start from the portal."]),
        Class::Misdirected => words(S::MISDIRECTED_REQUEST, "misdirected",
            ["Deze verbinding was voor een ander systeem bedoeld.", "Cette connexion était destinée à un autre système.", "This connection was made for another system."],
            ["Laad de pagina opnieuw.", "Rechargez la page.", "Reload the page."]),
        Class::SourceClosed => words(S::SERVICE_UNAVAILABLE, "source_closed",
            ["Dit systeem is voorlopig gesloten.", "Ce système est fermé pour le moment.", "This system has been closed for now."],
            ["Vraag het aan de meldkamer; andere systemen werken nog.", "Demandez au dispatching ; les autres systèmes fonctionnent.", "Ask the dispatch centre; other systems still work."]),
        Class::DeviceRequired => words(S::FORBIDDEN, "device_required",
            ["Dit systeem is alleen bereikbaar met een politietoestel.", "Ce système n'est accessible qu'avec un appareil de la police.", "This system can be reached from police devices only."],
            ["Gebruik een politietoestel. Is dit er een, dan is het zijn certificaat kwijt: bel de servicedesk.", "Utilisez un appareil de la police. Si c'en est un, il a perdu son certificat : appelez le service desk.", "Use a police device. If this is one, it has lost its certificate: call the service desk."]),
        Class::DeviceExpired => words(S::FORBIDDEN, "device_expired",
            ["Het certificaat van dit toestel is verlopen of nog niet geldig.", "Le certificat de cet appareil a expiré ou n'est pas encore valable.", "This device's certificate has expired or is not valid yet."],
            ["Kijk datum en uur van het toestel na, verbind het met het kantoornetwerk om te vernieuwen, of bel de servicedesk.", "Vérifiez la date et l'heure de l'appareil, connectez-le au réseau du bureau pour renouveler, ou appelez le service desk.", "Check the device's date and time, connect it to the office network to renew, or call the service desk."]),
        Class::DeviceRevoked => words(S::FORBIDDEN, "device_revoked",
            ["Dit toestel is geblokkeerd.", "Cet appareil a été bloqué.", "This device has been blocked."],
            ["Gebruik een ander toestel en bel de servicedesk.", "Utilisez un autre appareil et appelez le service desk.", "Use another device and call the service desk."]),
        Class::DeviceRejected => words(S::FORBIDDEN, "device_rejected",
            ["Het certificaat van dit toestel wordt niet aanvaard.", "Le certificat de cet appareil n'est pas accepté.", "This device's certificate is not accepted."],
            ["Gebruik een ander toestel en geef de code hieronder aan de servicedesk.", "Utilisez un autre appareil et donnez le code ci-dessous au service desk.", "Use another device and give the code below to the service desk."]),
        Class::SignInRequired => words(S::UNAUTHORIZED, "sign_in_required",
            ["U bent niet aangemeld.", "Vous n'êtes pas connecté.", "You are not signed in."],
            ["Meld u aan en probeer opnieuw.", "Connectez-vous et réessayez.", "Sign in and try again."]),
        Class::SignInExpired => words(S::UNAUTHORIZED, "sign_in_expired",
            ["Uw aanmelding is verlopen.", "Votre connexion a expiré.", "Your sign-in has expired."],
            ["Meld u opnieuw aan.", "Connectez-vous à nouveau.", "Sign in again."]),
        Class::SignInInvalid => words(S::UNAUTHORIZED, "sign_in_invalid",
            ["Uw aanmelding wordt hier niet aanvaard.", "Votre connexion n'est pas acceptée ici.", "Your sign-in is not accepted here."],
            ["Meld u opnieuw aan. Gebeurt het nog eens, geef dan de code hieronder aan de servicedesk.", "Connectez-vous à nouveau. Si cela se répète, donnez le code ci-dessous au service desk.", "Sign in again. If it happens again, give the code below to the service desk."]),
        // The same words: who holds what is not theirs learns no more of it.
        Class::SignInElsewhere => told(Class::SignInInvalid),
        Class::AccessBlocked => words(S::FORBIDDEN, "access_blocked",
            ["Uw toegang is geblokkeerd.", "Votre accès a été bloqué.", "Your access has been blocked."],
            ["Aanmelden helpt niet. Bel de servicedesk, met de code hieronder.", "Se reconnecter n'aide pas. Appelez le service desk, avec le code ci-dessous.", "Signing in again does not help. Call the service desk, with the code below."]),
        Class::StrongerSignIn => words(S::UNAUTHORIZED, "stronger_sign_in",
            ["Hiervoor is een sterkere aanmelding nodig.", "Ceci demande une connexion plus forte.", "This needs a stronger sign-in."],
            ["Meld u aan met uw kaart of beveiligingssleutel.", "Connectez-vous avec votre carte ou clé de sécurité.", "Sign in with your card or security key."]),
        Class::PurposeRequired => words(S::FORBIDDEN, "purpose_required",
            ["Zeg eerst waarvoor dit is.", "Dites d'abord à quoi cela sert.", "Say first what this is for."],
            ["Open een opdracht: kies een doel en, waar het gevraagd wordt, een dossiernummer.", "Ouvrez une mission : choisissez une finalité et, si c'est demandé, un numéro de dossier.", "Open a mission: choose a purpose and, where it is asked for, a case number."]),
        Class::PurposeInvalid => words(S::BAD_REQUEST, "purpose_invalid",
            ["Dit doel of dossiernummer bestaat hier niet.", "Cette finalité ou ce numéro de dossier n'existe pas ici.", "This purpose or case number is not one of this zone's."],
            ["Geef een doel van de lijst op, en een dossiernummer zoals de zone ze schrijft.", "Indiquez une finalité de la liste, et un numéro de dossier comme la zone les écrit.", "State one of the zone's purposes, and a case number as the zone writes them."]),
        Class::NotPermitted => words(S::FORBIDDEN, "not_permitted",
            ["Dit mag u niet doen.", "Vous ne pouvez pas faire cela.", "You may not do this."],
            ["Hebt u het nodig voor uw werk, vraag het dan aan uw leidinggevende en geef de code hieronder.", "Si vous en avez besoin pour votre travail, demandez à votre supérieur et donnez le code ci-dessous.", "If you need it for your work, ask your supervisor and give the code below."]),
        Class::BodyTooLarge => words(S::PAYLOAD_TOO_LARGE, "body_too_large",
            ["Wat u stuurt is te groot.", "Ce que vous envoyez est trop grand.", "What you send is too large."],
            ["Stuur een kleiner bestand.", "Envoyez un fichier plus petit.", "Send a smaller file."]),
        Class::BodyIncomplete => words(S::REQUEST_TIMEOUT, "body_incomplete",
            ["Wat u stuurde is niet heel aangekomen.", "Ce que vous avez envoyé n'est pas arrivé en entier.", "What you sent did not arrive whole."],
            ["Kijk de verbinding na en stuur het opnieuw.", "Vérifiez la connexion et renvoyez-le.", "Check the connection and send it again."]),
        Class::LengthRequired => words(S::LENGTH_REQUIRED, "length_required",
            ["Wat u stuurt moet zeggen hoe lang het is.", "Ce que vous envoyez doit dire sa longueur.", "What you send must say how long it is."],
            ["Stuur het met een Content-Length, of vraag de servicedesk naar deze toepassing.", "Envoyez-le avec un Content-Length, ou parlez de cette application au service desk.", "Send it with a Content-Length, or ask the service desk about this application."]),
        Class::Inspection => words(S::FORBIDDEN, "refused_content",
            ["Iets in deze aanvraag lijkt op een aanval.", "Quelque chose dans cette demande ressemble à une attaque.", "Something in this request looks like an attack."],
            ["Er is niets doorgegeven. Was dit gewoon werk, geef dan de code hieronder aan de servicedesk, zodat het doorgelaten kan worden.", "Rien n'a été transmis. Si c'était du travail ordinaire, donnez le code ci-dessous au service desk, pour que cela puisse passer.", "Nothing was passed on. If this was ordinary work, give the code below to the service desk, so that it can be let through."]),
        Class::AnswerWithheld => words(S::BAD_GATEWAY, "answer_withheld",
            ["Het antwoord van dit systeem is tegengehouden.", "La réponse de ce système a été retenue.", "This system's answer was held back."],
            ["Het lijkt iets te bevatten dat het systeem niet mag verlaten. Geef de code hieronder aan de servicedesk.", "Elle semble contenir ce qui ne doit pas quitter le système. Donnez le code ci-dessous au service desk.", "It seems to contain what should not leave the system. Give the code below to the service desk."]),
        Class::SourceUnavailable => words(S::BAD_GATEWAY, "source_unavailable",
            ["Dit systeem antwoordt niet zoals het hoort.", "Ce système ne répond pas comme il faut.", "This system does not answer properly."],
            ["Probeer over een minuut opnieuw; andere systemen werken nog.", "Réessayez dans une minute ; les autres systèmes fonctionnent.", "Try again in a minute; other systems still work."]),
        Class::SourceTimeout => words(S::GATEWAY_TIMEOUT, "source_timeout",
            ["Dit systeem antwoordt niet op tijd.", "Ce système met trop de temps à répondre.", "This system takes too long to answer."],
            ["Probeer over een minuut opnieuw; andere systemen werken nog.", "Réessayez dans une minute ; les autres systèmes fonctionnent.", "Try again in a minute; other systems still work."]),
        Class::GateUnavailable => words(S::SERVICE_UNAVAILABLE, "gate_unavailable",
            ["De toegang kan nu niet worden nagekeken.", "L'accès ne peut pas être vérifié pour l'instant.", "Access cannot be checked right now."],
            ["Probeer over een minuut opnieuw. Blijft het duren, geef dan de code hieronder aan de servicedesk.", "Réessayez dans une minute. Si cela dure, donnez le code ci-dessous au service desk.", "Try again in a minute. If it lasts, give the code below to the service desk."]),
    }
}
