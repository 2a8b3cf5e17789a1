package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"cdss/fhir/access"
	"cdss/fhir/smart"
)

// config is the environment, read and checked once. Its text form holds no secret.
type config struct {
	DatabaseURL  string // "" means the private cluster under DataDir
	DataDir      string
	PostgresBin  string // directory of the PostgreSQL programs, "" searches
	Addr         string
	MetricsAddr  string
	MetricsGiven bool // the address was named, so that failing to listen there is an error
	PublicURL    string
	// TrustedProxies is how many proxies of the operator stand in front: an address is
	// taken from X-Forwarded-For as the outermost of them saw it.
	TrustedProxies int
	Auth           string // open | required
	Demo           bool
	Concepts       string // file of the site's own concepts, "" for none
	Antibiogram    string // file of the hospital's own antibiogram, "" for none
	Production     bool
	LogLevel       slog.Level
	ReferenceDir   string
	SecretKey      string // seals stored secrets; "" means none can be stored

	OIDCIssuer, OIDCClientID, OIDCClientSecret string
	OIDCLabel                                  string // of the button
	OIDCNameClaim, OIDCRolesClaim              string
	OIDCRoles                                  map[string][]smart.Role // what values of the roles claim mean
	AdminPassphrase                            string                  // of the first administrator, on an empty database
	LLMBaseURL, LLMAPIKey, LLMModel            string
	OnlineEmbeddings                           bool
	EmbeddingURL, EmbeddingModel               string
	EmbeddingPerMinute, EmbeddingRetries       int
	EmbeddingRetryDelay                        time.Duration

	Notes []string // what the operator should know: ignored or not yet effective names
}

// The names of ours, each with what it is for; cdss doctor prints them.
var known = []struct{ name, about string }{
	{"DATABASE_URL", "PostgreSQL with pgvector; unset: a private cluster under CDSS_DATA_DIR"},
	{"CDSS_DATA_DIR", "where the private cluster lives (.cdss)"},
	{"CDSS_POSTGRES_BIN", "directory of the PostgreSQL programs for the private cluster (searched for)"},
	{"CDSS_ADDR", "address to listen at (127.0.0.1:8000); PORT alone means 0.0.0.0:PORT"},
	{"CDSS_METRICS_ADDR", "address of /metrics, on loopback (127.0.0.1:9464)"},
	{"CDSS_PUBLIC_URL", "external base URL"},
	{"CDSS_TRUSTED_PROXIES", "how many proxies of yours stand in front, whose X-Forwarded-For is believed (0)"},
	{"CDSS_AUTH", "open (loopback only) or required"},
	{"CDSS_SECRET_KEY", "seals stored secrets: 32 random bytes in base64 (or CDSS_SECRET_KEY_FILE)"},
	{"CDSS_SECRET_KEY_FILE", "file with that key"},
	{"CDSS_DEMO", "1: example knowledge and patients, asOf; refuses a public address"},
	{"CDSS_CONCEPTS", "CSV file of further names and concepts for the search (id, kind, de, en, names, parents, codes); docs/EVIDENCE.md"},
	{"CDSS_ANTIBIOGRAM", "CSV file of the hospital's own antibiogram (organism, substance, n, %S); decides between options that are equal otherwise"},
	{"CDSS_OIDC_ISSUER", "login of people: issuer"},
	{"CDSS_OIDC_CLIENT_ID", "login of people: client id"},
	{"CDSS_OIDC_CLIENT_SECRET", "login of people: client secret (or CDSS_OIDC_CLIENT_SECRET_FILE)"},
	{"CDSS_OIDC_CLIENT_SECRET_FILE", "file with the client secret"},
	{"CDSS_OIDC_LABEL", "login of people: name of the provider on the button"},
	{"CDSS_OIDC_NAME_CLAIM", "login of people: claim that names the person (preferred_username)"},
	{"CDSS_OIDC_ROLES_CLAIM", "login of people: claim that holds the roles, for example realm_access.roles; unset: people have the roles they are registered with here"},
	{"CDSS_OIDC_ROLES", "login of people: what its values mean, as group=role,group=role; unset: they are the names of the roles"},
	{"CDSS_ADMIN_PASSPHRASE", "makes the administrator \"admin\" on a database without people (or CDSS_ADMIN_PASSPHRASE_FILE); it has to be changed at the first login"},
	{"CDSS_ADMIN_PASSPHRASE_FILE", "file with that passphrase"},
	{"CDSS_LLM_BASE_URL", "OpenAI-compatible API (alias NOVITA_API_BASE_URL)"},
	{"CDSS_LLM_API_KEY", "its key (alias NOVITA_API_KEY, or CDSS_LLM_API_KEY_FILE)"},
	{"CDSS_LLM_API_KEY_FILE", "file with the key"},
	{"CDSS_LLM_MODEL", "its model (alias NOVITA_MODEL)"},
	{"CDSS_EMBEDDINGS", "local or online (alias USE_ONLINE_EMBEDDINGS)"},
	{"CDSS_EMBEDDING_URL", "online embeddings (alias NOVITA_EMBEDDING_URL)"},
	{"CDSS_EMBEDDING_MODEL", "model of online embeddings (alias NOVITA_EMBEDDING_MODEL)"},
	{"EMBEDDING_REQUESTS_PER_MINUTE", "limit of online embeddings (45)"},
	{"EMBEDDING_MAX_RETRIES", "retries of online embeddings (3)"},
	{"EMBEDDING_RETRY_DELAY", "seconds between retries of online embeddings (2)"},
	{"REFERENCE_DATA_DIR", "reference suites of the tests (../shared/data)"},
	{"ENVIRONMENT", "development or production"},
	{"LOG_LEVEL", "debug, info, warn or error (info)"},
}

// The prototype's names that have no meaning here.
var ignored = map[string]string{
	"CHUNK_SIZE":         "passages follow the structure of the document",
	"CHUNK_OVERLAP":      "passages follow the structure of the document",
	"DEFAULT_TOP_K":      "each search says how many it wants",
	"DATA_DIR":           "original files are kept in the database",
	"GUIDELINES_DIR":     "original files are kept in the database",
	"EMBEDDINGS_DIR":     "vectors are kept in the database",
	"FAISS_INDEX_TYPE":   "vectors are kept in the database",
	"EMBEDDING_MODEL":    "use CDSS_EMBEDDINGS",
	"ENABLE_RAG":         "evidence never decides, so there is no mode without it",
	"NOVITA_MAX_TOKENS":  "the length of a reply is fixed",
	"NOVITA_TEMPERATURE": "models are asked at temperature 0",
}

// reader collects what is wrong, so that one start tells all of it.
type reader struct {
	vars  map[string]string
	wrong []string
	notes []string
}

// readConfig reads the environment. Its error is one line that names every
// variable that is unknown or unreadable.
func readConfig(environ []string) (config, error) {
	r := &reader{vars: map[string]string{}}
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		r.vars[name] = strings.TrimSpace(value)
	}
	r.unknown()
	c := config{
		DataDir:      r.text(".cdss", "CDSS_DATA_DIR"),
		PostgresBin:  r.text("", "CDSS_POSTGRES_BIN"),
		ReferenceDir: r.text("../shared/data", "REFERENCE_DATA_DIR"),
		Demo:         r.truth("CDSS_DEMO"),
		Concepts:     r.text("", "CDSS_CONCEPTS"),
		Antibiogram:  r.text("", "CDSS_ANTIBIOGRAM"),
		Production:   r.choice("development", "ENVIRONMENT", "development", "production") == "production",

		SecretKey: r.secret("CDSS_SECRET_KEY"),

		OIDCIssuer:       r.address("CDSS_OIDC_ISSUER"),
		OIDCClientID:     r.text("", "CDSS_OIDC_CLIENT_ID"),
		OIDCClientSecret: r.secret("CDSS_OIDC_CLIENT_SECRET"),
		OIDCLabel:        r.text("", "CDSS_OIDC_LABEL"),
		OIDCNameClaim:    r.text("", "CDSS_OIDC_NAME_CLAIM"),
		OIDCRolesClaim:   r.text("", "CDSS_OIDC_ROLES_CLAIM"),
		AdminPassphrase:  r.secret("CDSS_ADMIN_PASSPHRASE"),
		LLMBaseURL:       r.address("CDSS_LLM_BASE_URL", "NOVITA_API_BASE_URL"),
		LLMAPIKey:        r.secret("CDSS_LLM_API_KEY", "NOVITA_API_KEY"),
		LLMModel:         r.text("", "CDSS_LLM_MODEL", "NOVITA_MODEL"),
		EmbeddingURL:     r.address("CDSS_EMBEDDING_URL", "NOVITA_EMBEDDING_URL"),
		EmbeddingModel:   r.text("", "CDSS_EMBEDDING_MODEL", "NOVITA_EMBEDDING_MODEL"),

		EmbeddingPerMinute: r.number(45, 1, "EMBEDDING_REQUESTS_PER_MINUTE"),
		EmbeddingRetries:   r.number(3, 0, "EMBEDDING_MAX_RETRIES"),
	}
	c.EmbeddingRetryDelay = r.seconds(2*time.Second, "EMBEDDING_RETRY_DELAY")
	c.TrustedProxies = r.number(0, 0, "CDSS_TRUSTED_PROXIES")
	c.PublicURL = strings.TrimSuffix(r.address("CDSS_PUBLIC_URL"), "/")
	switch embeddings := r.choice("", "CDSS_EMBEDDINGS", "local", "online"); {
	case embeddings != "":
		c.OnlineEmbeddings = embeddings == "online"
	default:
		c.OnlineEmbeddings = r.truth("USE_ONLINE_EMBEDDINGS")
	}
	c.LogLevel = r.level()
	c.DatabaseURL = r.database()
	c.Addr = r.listen()
	c.MetricsGiven = r.vars["CDSS_METRICS_ADDR"] != ""
	c.MetricsAddr = r.text("127.0.0.1:9464", "CDSS_METRICS_ADDR")
	if !loopback(c.MetricsAddr) {
		r.fault("CDSS_METRICS_ADDR", "must be host:port on loopback")
	}
	var err error
	if c.OIDCRoles, err = access.ParseRoleNames(r.vars["CDSS_OIDC_ROLES"]); err != nil {
		r.fault("CDSS_OIDC_ROLES", err.Error())
	}
	if (c.OIDCIssuer == "") != (c.OIDCClientID == "") {
		r.fault("CDSS_OIDC_ISSUER", "and CDSS_OIDC_CLIENT_ID are needed together")
	}
	c.Auth = r.choice("", "CDSS_AUTH", "open", "required")
	public := !loopback(c.Addr)
	switch {
	case c.Auth == "" && public:
		c.Auth = "required"
	case c.Auth == "":
		c.Auth = "open"
	case c.Auth == "open" && public:
		r.fault("CDSS_AUTH", "open is possible on loopback only, and the server would listen at "+c.Addr)
	}
	if c.Demo && public {
		r.fault("CDSS_DEMO", "refuses the public address "+c.Addr)
	}
	if c.OnlineEmbeddings && c.EmbeddingURL == "" {
		c.EmbeddingURL = novitaBase
	}
	// The prototype named the address of the operation itself.
	c.EmbeddingURL = strings.TrimSuffix(strings.TrimSuffix(c.EmbeddingURL, "/"), "/embeddings")
	if c.OnlineEmbeddings && c.EmbeddingModel == "" {
		c.EmbeddingModel = novitaEmbedding
	}
	if c.LLMBaseURL != "" && c.LLMModel == "" {
		r.notes = append(r.notes, "no text is generated: CDSS_LLM_MODEL is not set")
	}
	r.ignored()
	c.Notes = r.notes
	if len(r.wrong) > 0 {
		return config{}, fmt.Errorf("the configuration cannot be used: %s (cdss doctor explains the settings)", strings.Join(r.wrong, "; "))
	}
	return c, nil
}

func (r *reader) fault(name, what string) { r.wrong = append(r.wrong, name+" "+what) }

// unknown refuses every CDSS_ name that is not known: a mistyped one would leave
// its default in place without a word.
func (r *reader) unknown() {
	var names []string
	for name := range r.vars {
		if strings.HasPrefix(name, "CDSS_") &&
			!slices.ContainsFunc(known, func(k struct{ name, about string }) bool { return k.name == name }) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		r.fault(name, "is not known")
	}
}

// ignored names the prototype's variables that are set and have no meaning here.
func (r *reader) ignored() {
	var names []string
	for name := range ignored {
		if r.vars[name] != "" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		r.notes = append(r.notes, name+" is ignored: "+ignored[name])
	}
}

// text gives the first of the names that is set.
func (r *reader) text(otherwise string, names ...string) string {
	for _, name := range names {
		if v := r.vars[name]; v != "" {
			return v
		}
	}
	return otherwise
}

// secret gives a value, or the content of the file that NAME_FILE names.
func (r *reader) secret(names ...string) string {
	if v := r.text("", names...); v != "" {
		return v
	}
	file := names[0] + "_FILE"
	path := r.vars[file]
	if path == "" {
		return ""
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		r.fault(file, "cannot be read")
		return ""
	}
	return strings.TrimSpace(string(raw))
}

func (r *reader) truth(name string) bool {
	switch strings.ToLower(r.vars[name]) {
	case "", "0", "false", "no", "off":
		return false
	case "1", "true", "yes", "on":
		return true
	}
	r.fault(name, "must be 1 or 0")
	return false
}

func (r *reader) choice(otherwise, name string, values ...string) string {
	v := strings.ToLower(r.vars[name])
	if v == "" {
		return otherwise
	}
	if !slices.Contains(values, v) {
		r.fault(name, "must be "+strings.Join(values, " or "))
		return otherwise
	}
	return v
}

func (r *reader) number(otherwise, least int, name string) int {
	v := r.vars[name]
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least {
		r.fault(name, fmt.Sprintf("must be a whole number of at least %d", least))
		return otherwise
	}
	return n
}

// seconds reads "2", "2.5" or "2s".
func (r *reader) seconds(otherwise time.Duration, name string) time.Duration {
	v := r.vars[name]
	if v == "" {
		return otherwise
	}
	if f, err := strconv.ParseFloat(v, 64); err == nil && f >= 0 && f < 3600 {
		return time.Duration(f * float64(time.Second))
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		r.fault(name, "must be a number of seconds")
		return otherwise
	}
	return d
}

// address reads an absolute http or https URL.
func (r *reader) address(names ...string) string {
	for _, name := range names {
		v := r.vars[name]
		if v == "" {
			continue
		}
		u, err := url.Parse(v)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			r.fault(name, "must be an http or https URL without a password in it")
			return ""
		}
		return v
	}
	return ""
}

func (r *reader) level() slog.Level {
	switch strings.ToLower(r.vars["LOG_LEVEL"]) {
	case "", "info":
		return slog.LevelInfo
	case "debug":
		return slog.LevelDebug
	case "warn", "warning":
		return slog.LevelWarn
	case "error", "critical":
		return slog.LevelError
	}
	r.fault("LOG_LEVEL", "must be debug, info, warn or error")
	return slog.LevelInfo
}

// database reads DATABASE_URL (or the file DATABASE_URL_FILE names), or the
// prototype's DB_ names, none of which has a default password.
func (r *reader) database() string {
	if v := r.secret("DATABASE_URL"); v != "" {
		u, err := url.Parse(v)
		if strings.Contains(v, "://") && (err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql") {
			r.fault("DATABASE_URL", "must begin with postgres://")
			return ""
		}
		return v
	}
	host := r.vars["DB_HOST"]
	if host == "" {
		return ""
	}
	u := url.URL{Scheme: "postgres", Host: net.JoinHostPort(host, r.text("5432", "DB_PORT")), Path: "/" + r.text("cdss", "DB_NAME")}
	user := r.text("cdss", "DB_USER")
	if password := r.vars["DB_PASSWORD"]; password != "" {
		u.User = url.UserPassword(user, password)
	} else {
		u.User = url.User(user)
	}
	return u.String()
}

// listen gives the address of the server: CDSS_ADDR, else PORT on all addresses
// (as platforms want it), else the prototype's API_HOST and API_PORT.
func (r *reader) listen() string {
	name, addr := "CDSS_ADDR", r.vars["CDSS_ADDR"]
	switch {
	case addr != "":
		if strings.HasPrefix(addr, ":") {
			addr = "0.0.0.0" + addr
		}
	case r.vars["PORT"] != "":
		name, addr = "PORT", net.JoinHostPort("0.0.0.0", r.vars["PORT"])
	default:
		name = "API_PORT"
		addr = net.JoinHostPort(r.text("127.0.0.1", "API_HOST"), r.text("8000", "API_PORT"))
	}
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		r.fault(name, "must be an address with a port from 0 to 65535")
	}
	return addr
}

// loopback tells whether an address can be reached from this machine only.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// lines shows the configuration without its secrets.
func (c config) lines() []string {
	database := "private cluster under " + c.DataDir
	if c.DatabaseURL != "" {
		database = redactDSN(c.DatabaseURL)
	}
	set := func(secret string) string {
		if secret == "" {
			return "not set"
		}
		return "set"
	}
	environment := "development"
	if c.Production {
		environment = "production"
	}
	return []string{
		"environment: " + environment,
		"address: " + c.Addr,
		"metrics: " + c.MetricsAddr,
		"public URL: " + orNone(c.PublicURL),
		"access: " + c.Auth,
		"demonstration: " + strconv.FormatBool(c.Demo),
		"database: " + database,
		"log level: " + c.LogLevel.String(),
		"login issuer: " + orNone(c.OIDCIssuer) + ", client secret " + set(c.OIDCClientSecret),
		"language model: " + orNone(c.LLMBaseURL) + ", key " + set(c.LLMAPIKey),
		"online embeddings: " + orNone(map[bool]string{true: c.EmbeddingURL}[c.OnlineEmbeddings]),
	}
}

// String shows the configuration on one line, without its secrets.
func (c config) String() string { return strings.Join(c.lines(), ", ") }

// LogValue keeps secrets out of logs.
func (c config) LogValue() slog.Value { return slog.StringValue(c.String()) }

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// redactDSN shows host and database of an address, never user or password.
func redactDSN(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil || u.Host == "" && u.Path == "" || u.Scheme == "" {
		return "set (not shown)"
	}
	return u.Scheme + "://" + u.Host + u.Path
}
