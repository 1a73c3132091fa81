//! The words and name parts that documents are made of. A change here changes the bytes of every
//! decoy: it needs another format number in the manifest.

/// Adjectives.
#[rustfmt::skip]
pub(crate) const ADJECTIVES: &[&str] = &[
    "annual", "audible", "basic", "bilateral", "brief", "broad", "calm", "careful", "central",
    "certain", "civil", "clear", "closed", "coastal", "common", "complete", "concise", "covered",
    "critical", "current", "daily", "dense", "detailed", "direct", "distant", "double", "draft",
    "early", "eastern", "elder", "empty", "even", "exact", "external", "fair", "final", "firm",
    "first", "flat", "formal", "former", "frequent", "full", "general", "gradual", "heavy",
    "hidden", "hourly", "important", "indirect", "initial", "inner", "internal", "joint", "large",
    "late", "legal", "light", "limited", "linear", "local", "long", "lower", "main", "major",
    "marginal", "minor", "mobile", "modest", "monthly", "narrow", "national", "neutral", "new",
    "northern", "notable", "open", "optional", "outer", "partial", "patient", "plain", "possible",
    "practical", "precise", "present", "primary", "private", "proper", "quiet", "random", "rapid",
    "rare", "ready", "recent", "regional", "regular", "remote", "rough", "round", "rural", "second",
    "secure", "separate", "serial", "sharp", "short", "silent", "simple", "single", "slow", "small",
    "smooth", "solid", "southern", "spare", "special", "stable", "steady", "strict", "strong",
    "sudden", "technical", "temporary", "thin", "third", "tidal", "total", "upper", "urban",
    "urgent", "usual", "vacant", "valid", "visible", "vital", "weekly", "western", "wide",
    "written",
];

/// Nouns.
#[rustfmt::skip]
pub(crate) const NOUNS: &[&str] = &[
    "account", "agreement", "airfield", "analysis", "annex", "antenna", "appendix", "archive",
    "assembly", "audit", "balance", "barrier", "basin", "battery", "beacon", "bearing", "boundary",
    "branch", "bridge", "briefing", "budget", "bulletin", "cable", "calendar", "canal", "capacity",
    "carrier", "catalogue", "channel", "chapter", "circuit", "clearance", "clinic", "column",
    "committee", "compass", "component", "condition", "contract", "convoy", "corridor", "council",
    "crane", "crossing", "current", "cylinder", "deadline", "delivery", "department", "deposit",
    "device", "diagram", "directive", "district", "document", "drainage", "drawing", "engine",
    "envelope", "equipment", "estimate", "evidence", "exercise", "exhibit", "facility", "factory",
    "ferry", "figure", "filter", "forecast", "formula", "foundation", "frequency", "garden",
    "gateway", "generator", "glacier", "grant", "harbour", "hearing", "horizon", "housing",
    "incident", "index", "inspection", "instrument", "interval", "invoice", "island", "journal",
    "junction", "kitchen", "laboratory", "ladder", "lantern", "ledger", "letter", "library",
    "licence", "machine", "magazine", "manifest", "manual", "margin", "market", "measure",
    "meeting", "memorandum", "method", "mirror", "module", "monitor", "motor", "network", "notice",
    "number", "object", "observer", "office", "operator", "orchard", "order", "outline", "packet",
    "panel", "parcel", "partner", "passage", "patrol", "payment", "permit", "pipeline", "platform",
    "policy", "portal", "position", "premises", "pressure", "procedure", "process", "profile",
    "programme", "project", "proposal", "protocol", "quarter", "quota", "radar", "railway", "ratio",
    "receipt", "receiver", "record", "reference", "register", "relay", "report", "request",
    "reserve", "reservoir", "review", "river", "road", "route", "sample", "satellite", "schedule",
    "sector", "sensor", "series", "session", "shelter", "signal", "sketch", "sluice", "station",
    "statement", "storage", "strategy", "summary", "supplier", "supply", "survey", "switch",
    "system", "table", "tanker", "target", "tariff", "terminal", "tender", "theory", "threshold",
    "ticket", "tower", "traffic", "transfer", "transmitter", "treaty", "tunnel", "turbine", "unit",
    "valley", "valve", "vehicle", "vendor", "venue", "version", "vessel", "visit", "volume",
    "warehouse", "warrant", "waterway", "weather", "window", "workshop",
];

/// Verbs in the third person.
#[rustfmt::skip]
pub(crate) const VERBS: &[&str] = &[
    "accepts", "adjusts", "announces", "answers", "approves", "assigns", "audits", "balances",
    "blocks", "carries", "checks", "clears", "closes", "collects", "compares", "completes",
    "confirms", "connects", "contains", "controls", "corrects", "counts", "covers", "crosses",
    "defers", "defines", "delays", "delivers", "describes", "designs", "diverts", "divides",
    "doubles", "drains", "drafts", "enters", "exceeds", "explains", "extends", "fills", "follows",
    "freezes", "funds", "governs", "guides", "handles", "holds", "improves", "includes",
    "indicates", "informs", "inspects", "isolates", "issues", "joins", "leaves", "limits", "lists",
    "loads", "locates", "maintains", "marks", "measures", "meets", "mentions", "monitors", "moves",
    "notes", "observes", "omits", "opens", "orders", "outlines", "passes", "pauses", "permits",
    "plans", "postpones", "prepares", "presents", "prevents", "prints", "protects", "publishes",
    "questions", "raises", "reaches", "receives", "records", "reduces", "refers to", "refuses",
    "releases", "removes", "repairs", "repeats", "replaces", "reports", "requires", "reserves",
    "resolves", "restores", "reviews", "revises", "routes", "samples", "schedules", "seals",
    "secures", "selects", "separates", "shares", "signs", "starts", "states", "stops", "stores",
    "studies", "submits", "supports", "surveys", "suspends", "tests", "tracks", "transfers",
    "updates", "uses", "verifies", "visits", "weighs", "withdraws",
];

/// Prepositions.
#[rustfmt::skip]
pub(crate) const LINKS: &[&str] = &[
    "above", "across", "after", "against", "along", "around", "before", "behind", "below", "beside",
    "between", "beyond", "during", "for", "from", "inside", "near", "outside", "over", "through",
    "towards", "under", "until", "with", "within", "without",
];

/// First names.
#[rustfmt::skip]
pub(crate) const FIRST: &[&str] = &[
    "Ada", "Alan", "Alma", "Amir", "Anna", "Arlo", "Asta", "Boris", "Carla", "Cedric", "Clara",
    "Dana", "David", "Edith", "Elena", "Elias", "Emil", "Erika", "Farah", "Felix", "Fiona", "Frida",
    "Gavin", "Greta", "Hanna", "Hugo", "Ines", "Ivan", "Jana", "Jonas", "Julia", "Karim", "Karin",
    "Laura", "Leon", "Lena", "Lucas", "Magda", "Marek", "Maria", "Marta", "Miles", "Mina", "Nadia",
    "Nils", "Nora", "Olga", "Oscar", "Paula", "Pavel", "Petra", "Quentin", "Rada", "Ralf", "Rosa",
    "Ruben", "Samir", "Sara", "Selma", "Simon", "Sofia", "Stefan", "Tamara", "Teodor", "Tilda",
    "Tomas", "Ulla", "Vera", "Viktor", "Wanda", "Xenia", "Yara", "Yusuf", "Zelda",
];

/// How invented family names begin.
#[rustfmt::skip]
pub(crate) const FAMILY_START: &[&str] = &[
    "Ash", "Beck", "Birk", "Bram", "Brook", "Calder", "Carn", "Dal", "Elm", "Ever", "Fairn", "Fen",
    "Gal", "Glen", "Gran", "Hal", "Harl", "Hazel", "Hol", "Kel", "Kirk", "Lang", "Lind", "Mar",
    "Mel", "Nor", "Oak", "Pen", "Quill", "Rav", "Rook", "Sel", "Stan", "Sten", "Thorn", "Tor", "Ul",
    "Vand", "Wes", "Whit", "Win", "Wolf", "Yar",
];

/// How they end.
#[rustfmt::skip]
pub(crate) const FAMILY_END: &[&str] = &[
    "berg", "borne", "bridge", "by", "combe", "dale", "den", "er", "feld", "ford", "gate", "ham",
    "hurst", "ing", "land", "ley", "low", "man", "mere", "mond", "more", "ner", "ridge", "sen",
    "shaw", "son", "stead", "stein", "ton", "vale", "ward", "wick", "wood", "worth",
];
