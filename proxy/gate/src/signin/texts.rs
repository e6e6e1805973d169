//! What the pages of the sign-in host say: in Dutch, French and English.

use poort_enforce::language::Text;

pub(super) const SIGN_IN: Text = Text(["Aanmelden", "Se connecter", "Sign in"]);
pub(super) const SIGN_OUT: Text = Text(["Afmelden", "Se déconnecter", "Sign out"]);
pub(super) const TRY_AGAIN: Text = Text(["Opnieuw proberen", "Réessayer", "Try again"]);
pub(super) const GOING_ON: Text = Text(["Een ogenblik…", "Un instant…", "One moment…"]);
pub(super) const GO_ON: Text = Text(["Verder", "Continuer", "Go on"]);
pub(super) const BACK: Text = Text(["Terug", "Retour", "Back"]);

pub(super) const NOT_SIGNED_IN: Text =
    Text(["U bent niet aangemeld.", "Vous n'êtes pas connecté.", "You are not signed in."]);
pub(super) const OPEN_OR_SIGN_IN: Text = Text([
    "Open een toepassing, of meld u hier aan.",
    "Ouvrez une application, ou connectez-vous ici.",
    "Open an application, or sign in here.",
]);
pub(super) const SIGNED_IN: Text = Text(["U bent aangemeld.", "Vous êtes connecté.", "You are signed in."]);
pub(super) const ON_THIS_DEVICE: Text = Text(["Op dit toestel: ", "Sur cet appareil : ", "On this device: "]);
pub(super) const SOMEBODY_ELSE: Text =
    Text(["Iemand anders meldt zich aan", "Quelqu'un d'autre se connecte", "Somebody else signs in"]);
pub(super) const WHERE: Text =
    Text(["Waar meldt u zich aan?", "Où vous connectez-vous ?", "Where do you sign in?"]);
pub(super) const NOT_STRONG: Text = Text([
    "Deze aanmelding was niet sterk genoeg.",
    "Cette connexion n'était pas assez forte.",
    "This sign-in was not strong enough.",
]);
pub(super) const WITH_A_CARD: Text = Text([
    "Hiervoor is een kaart of beveiligingssleutel nodig, en de aanmelding was zonder. Probeer opnieuw met de uwe.",
    "Il faut une carte ou une clé de sécurité, et la connexion s'est faite sans. Réessayez avec la vôtre.",
    "This needs a card or security key, and the sign-in was without. Try again with yours.",
]);
pub(super) const NOT_RECENT: Text = Text([
    "Deze aanmelding is te lang geleden.",
    "Cette connexion date de trop longtemps.",
    "This sign-in was too long ago.",
]);
pub(super) const ONCE_MORE: Text = Text([
    "Hiervoor moet u zich net hebben aangemeld. Probeer opnieuw.",
    "Il faut s'être connecté à l'instant. Réessayez.",
    "This needs somebody who has just signed in. Try again.",
]);
pub(super) const SIGN_OUT_ASKED: Text = Text(["Afmelden?", "Se déconnecter ?", "Sign out?"]);
pub(super) const EVERYWHERE: Text = Text([
    "U wordt afgemeld van elke toepassing op dit toestel.",
    "Vous serez déconnecté de toutes les applications sur cet appareil.",
    "You will be signed out of every application on this device.",
]);
pub(super) const STAY: Text = Text(["Aangemeld blijven", "Rester connecté", "Stay signed in"]);
pub(super) const SIGNED_OUT: Text =
    Text(["U bent afgemeld.", "Vous êtes déconnecté.", "You are signed out."]);
pub(super) const NOBODY_GOES_ON: Text = Text([
    "Niemand kan op dit toestel in uw naam verdergaan.",
    "Personne ne peut continuer en votre nom sur cet appareil.",
    "Nobody can go on in your name on this device.",
]);
pub(super) const NOT_SENT: Text =
    Text(["Dit is nog niet verstuurd.", "Ceci n'est pas encore envoyé.", "This is not sent yet."]);
pub(super) const FORM_KEPT: Text = Text([
    "Wat u invulde, blijft een kwartier bewaard. Doe eerst dit; daarna vragen we of het nog verstuurd moet worden.",
    "Ce que vous avez rempli est conservé un quart d'heure. Faites d'abord ceci ; ensuite nous demandons s'il faut encore l'envoyer.",
    "What you filled in is kept for a quarter of an hour. Do this first; then you are asked whether it is still to be sent.",
]);
pub(super) const SEND_NOW: Text = Text(["Nu versturen?", "L'envoyer maintenant ?", "Send it now?"]);
pub(super) const SENT_TO: Text = Text(["Naar: ", "À : ", "To: "]);
pub(super) const WITH_FILES: Text = Text(["Met: ", "Avec : ", "With: "]);
pub(super) const NEEDS_SCRIPT: Text = Text([
    "Deze browser voert geen script uit, en kan de bestanden niet opnieuw versturen. Vul het formulier opnieuw in.",
    "Ce navigateur n'exécute pas de script et ne peut pas renvoyer les fichiers. Remplissez à nouveau le formulaire.",
    "This browser runs no script, and cannot send the files again. Fill in the form anew.",
]);
pub(super) const SEND: Text = Text(["Versturen", "Envoyer", "Send"]);
pub(super) const DO_NOT_SEND: Text = Text(["Niet versturen", "Ne pas envoyer", "Do not send"]);

pub(super) const DID_NOT_WORK: Text =
    Text(["Aanmelden is niet gelukt.", "La connexion a échoué.", "Signing in did not work."]);
pub(super) const FORM_FAILED: Text =
    Text(["Dit is niet gelukt.", "Cela n'a pas fonctionné.", "This did not work."]);
pub(super) const NO_ANSWER: Text = Text([
    "De aanmelddienst antwoordt niet. Probeer over een minuut opnieuw.",
    "Le service de connexion ne répond pas. Réessayez dans une minute.",
    "The sign-in service does not answer. Try again in a minute.",
]);
pub(super) const NOT_POSSIBLE: Text = Text([
    "Aanmelden is nu niet mogelijk. Probeer over een minuut opnieuw.",
    "La connexion n'est pas possible pour l'instant. Réessayez dans une minute.",
    "Signing in is not possible right now. Try again in a minute.",
]);
pub(super) const STILL_SIGNED_IN: Text = Text([
    "Afmelden is nu niet mogelijk: u bent nog aangemeld. Probeer over een minuut opnieuw, en laat het toestel niet achter.",
    "La déconnexion n'est pas possible pour l'instant : vous êtes toujours connecté. Réessayez dans une minute, et n'abandonnez pas l'appareil.",
    "Signing out is not possible right now: you are still signed in. Try again in a minute, and do not leave the device.",
]);
pub(super) const REFUSED: Text = Text([
    "De aanmelddienst weigerde. Probeer opnieuw, of bel de servicedesk.",
    "Le service de connexion a refusé. Réessayez, ou appelez le service desk.",
    "The sign-in service refused. Try again, or call the service desk.",
]);
pub(super) const BLOCKED: Text = Text([
    "Uw toegang is geblokkeerd. Bel de servicedesk.",
    "Votre accès a été bloqué. Appelez le service desk.",
    "Your access has been blocked. Call the service desk.",
]);
pub(super) const SIGN_IN_AFRESH: Text = Text([
    "U werd overal afgemeld. Meld u helemaal opnieuw aan, met wachtwoord of kaart.",
    "Vous avez été déconnecté partout. Connectez-vous entièrement à nouveau, avec mot de passe ou carte.",
    "You were signed out everywhere. Sign in all over again, with your password or card.",
]);
pub(super) const TOO_LONG: Text = Text([
    "Dit duurde te lang, of was al klaar. Open de toepassing opnieuw.",
    "Cela a pris trop de temps, ou était déjà terminé. Rouvrez l'application.",
    "This took too long, or was finished before. Open the application again.",
]);
pub(super) const NOT_HERE: Text = Text([
    "Dit kan hier niet worden afgemaakt. Open de toepassing opnieuw.",
    "Cela ne peut pas être terminé ici. Rouvrez l'application.",
    "This cannot be finished here. Open the application again.",
]);

pub(super) const ON_A_MISSION: Text = Text(["Opdracht", "Mission", "Mission"]);
pub(super) const MISSION: Text = Text(["Waarvoor is dit?", "À quoi cela sert-il ?", "What is this for?"]);
pub(super) const MISSION_OPENS: Text = Text([
    "Het geldt voor alles wat u vanaf nu op dit toestel doet, en staat in het register bij elke raadpleging.",
    "Cela vaut pour tout ce que vous ferez dès maintenant sur cet appareil, et figure au registre pour chaque consultation.",
    "It holds for all that you do on this device from now on, and is recorded with each consultation.",
]);
pub(super) const ON_MISSION: Text = Text(["Nu: ", "Maintenant : ", "Now: "]);
pub(super) const RECENT: Text = Text(["Zoals daarnet", "Comme tout à l'heure", "As before"]);
pub(super) const ANOTHER: Text = Text(["Iets anders", "Autre chose", "Something else"]);
pub(super) const CASE: Text = Text(["Dossiernummer", "Numéro de dossier", "Case number"]);
pub(super) const IF_ANY: Text = Text([" (als er een is)", " (s'il y en a un)", " (if there is one)"]);
pub(super) const OPEN: Text = Text(["Beginnen", "Commencer", "Begin"]);
pub(super) const END_MISSION: Text = Text(["Opdracht beëindigen", "Terminer la mission", "End the mission"]);
pub(super) const NO_PURPOSES: Text = Text([
    "De zone heeft nog geen lijst van doelen.",
    "La zone n'a pas encore de liste de finalités.",
    "The zone has no list of purposes yet.",
]);
pub(super) const CHOOSE_A_PURPOSE: Text =
    Text(["Kies een van de doelen.", "Choisissez une des finalités.", "Choose one of the purposes."]);
pub(super) const CASE_MISSING: Text = Text([
    "Hier is een dossiernummer nodig.",
    "Un numéro de dossier est nécessaire ici.",
    "A case number is needed here.",
]);
pub(super) const CASE_MALFORMED: Text = Text([
    "Dat is geen dossiernummer zoals de zone ze schrijft.",
    "Ce n'est pas un numéro de dossier comme la zone les écrit.",
    "This is no case number as the zone writes them.",
]);
pub(super) const LINK_REFUSED: Text = Text([
    "De link van de meldkamer geldt niet (meer). Vul het hieronder zelf in.",
    "Le lien du dispatching n'est pas (ou plus) valable. Remplissez vous-même ci-dessous.",
    "The link from dispatch is not valid, or no more. Fill it in yourself below.",
]);

pub(super) const GLASS: Text = Text(["Het glas breken", "Briser la vitre", "Break the glass"]);
pub(super) const GLASS_WARNS: Text = Text([
    "Alleen in een noodgeval. Uw leiding en de functionaris voor gegevensbescherming krijgen bericht, en elke raadpleging wordt nagekeken.",
    "Seulement en cas d'urgence. Votre hiérarchie et le délégué à la protection des données sont avertis, et chaque consultation est revue.",
    "In an emergency only. Your command and the data protection officer are told, and each consultation is reviewed.",
]);
pub(super) const GLASS_FOR: Text = Text(["Systeem: ", "Système : ", "System: "]);
pub(super) const GLASS_REASON: Text = Text(["Waarom?", "Pourquoi ?", "Why?"]);
pub(super) const REASON_TOO_SHORT: Text = Text([
    "Schrijf in een zin waarom, met ten hoogste 500 tekens.",
    "Écrivez pourquoi en une phrase, de 500 caractères au plus.",
    "Write in a sentence why, with 500 characters at most.",
]);
pub(super) const GLASS_NOWHERE: Text = Text([
    "Open in deze browser de toepassing die u nodig hebt. Waar het glas gebroken kan worden, staat dat op de pagina die u weigert.",
    "Ouvrez dans ce navigateur l'application dont vous avez besoin. Là où la vitre peut être brisée, la page de refus le propose.",
    "Open the application that you need in this browser. Where the glass can be broken, the page that refuses you offers it.",
]);
