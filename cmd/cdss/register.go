package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"cdss/fhir/access"
	"cdss/fhir/client"
)

// words is an option that may be given several times, or with commas.
type words []string

func (w *words) String() string { return strings.Join(*w, ",") }

func (w *words) Set(value string) error {
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			*w = append(*w, part)
		}
	}
	return nil
}

// named takes the name that stands in front of the options, so that it reads
// "client add NAME --issuer …".
func named(args []string) (name string, rest []string) {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return args[0], args[1:]
	}
	return "", args
}

// registrations opens what the register commands work on.
func registrations(ctx context.Context, env environment) (*access.Store, func(), error) {
	cfg, pool, done, err := migrated(ctx, env)
	if err != nil {
		return nil, nil, err
	}
	vault, err := access.ParseVault(cfg.SecretKey)
	if err != nil {
		done()
		return nil, nil, err
	}
	return access.NewStore(pool, vault), done, nil
}

func addClient(ctx context.Context, args []string, env environment) error {
	set := flags("client add", env)
	c := access.Client{Profile: access.DefaultProfile()}
	p := &c.Profile
	var audiences, tenants, servers, allow, origins, suggestions words
	set.StringVar(&c.Issuer, "issuer", "", "iss of its tokens, for example https://ehr.example/fhir")
	set.StringVar(&c.Algorithm, "algorithm", "ES384", "the one its tokens are signed with: ES384, RS384, ES256, …")
	set.StringVar(&c.KeysURL, "jwks-url", "", "address of its public keys (JWKS); the only jku its tokens may name")
	keys := set.String("jwks", "", "file with its public keys (JWKS), instead of fetching them; - reads standard input")
	set.Var(&audiences, "audience", "accepted in aud besides the address that is called; may be repeated")
	set.Var(&tenants, "tenant", "its tokens may carry; may be repeated")
	set.BoolVar(&c.NoTenant, "no-tenant", false, "tokens without tenant are accepted although tenants are named")
	set.Var(&servers, "server", "name of a registered FHIR server it may name in fhirServer; may be repeated")
	set.Var(&allow, "allow", "network that may be dialled for it besides public addresses, for example 10.20.0.0/16; may be repeated")
	set.Var(&origins, "origin", "of browsers that call for it, for example https://ehr.example; may be repeated")
	set.StringVar(&p.Language, "language", "", "de or en; else that of the user or of the call")
	set.DurationVar(&p.Deadline, "deadline", p.Deadline, "of an answer, 50ms to 5s")
	blocked := set.String("blocked", string(p.Blocked), "what to answer when no check can run: 412 or card")
	set.Var(&suggestions, "suggestions", "types of actions it carries out (create, update, delete; none): all")
	plain := set.Bool("plain-text", false, "it shows the detail of a card as it stands, and no Markdown")
	set.IntVar(&p.MaxCards, "max-cards", 0, "it shows at once; 0: as many as there are")
	set.BoolVar(&p.Version3, "version3", false, "features of CDS Hooks 3.0")
	set.BoolVar(&p.Shadow, "shadow", false, "evaluate and record, show nothing")
	set.BoolVar(&c.Disabled, "disabled", false, "its calls are refused")
	var o access.Options
	set.BoolVar(&o.Replace, "replace", false, "replace the registration of this name")
	set.BoolVar(&o.PlainHTTP, "plain-http", false, "addresses without TLS are meant, for tests")
	name, rest := named(args)
	if err := parse(set, rest, 0, 0); err != nil {
		return err
	}
	if name == "" {
		return usagef("client add: the name is needed first")
	}
	c.Name, c.Audiences, c.Tenants, c.Servers, c.Origins = name, audiences, tenants, servers, origins
	p.Blocked, p.Markdown = access.Blocked(*blocked), !*plain
	switch {
	case len(suggestions) == 1 && suggestions[0] == "none":
		p.Suggestions = nil
	case len(suggestions) > 0:
		p.Suggestions = suggestions
	}
	var err error
	if c.Allow, err = client.ParseAllow(allow); err != nil {
		return usagef("client add: %v", err)
	}
	if *keys != "" {
		if c.Keys, err = readAll(*keys); err != nil {
			return usagef("client add: %s cannot be read", *keys)
		}
	}
	if err := c.Check(o.PlainHTTP); err != nil {
		return usagef("client add: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	store, done, err := registrations(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	if err := store.AddClient(operator(ctx, env), c, o); err != nil {
		return err
	}
	fmt.Fprintf(env.out, "CDS client %s is registered\n", name)
	return nil
}

// readAll reads a file, or standard input for "-".
func readAll(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, 1<<20))
	}
	return os.ReadFile(path)
}

func listClients(ctx context.Context, args []string, env environment) error {
	store, done, err := listing(ctx, "client list", args, env)
	if err != nil {
		return err
	}
	defer done()
	list, err := store.Clients(ctx)
	if err != nil {
		return err
	}
	return table(env.out, "name\tissuer\talgorithm\tkeys\tservers\tprofile", len(list), func(i int) []string {
		c := list[i]
		keys := c.KeysURL
		if len(c.Keys) > 0 {
			keys = "given"
		}
		return []string{c.Name, c.Issuer, c.Algorithm, keys, strings.Join(c.Servers, " "), said(c)}
	})
}

// said tells the profile of a client in words, what is usual left out.
func said(c access.Client) string {
	p := c.Profile
	parts := []string{"deadline " + p.Deadline.String()}
	add := func(yes bool, text string) {
		if yes {
			parts = append(parts, text)
		}
	}
	add(c.Disabled, "disabled")
	add(p.Shadow, "shadow")
	add(p.Language != "", "language "+p.Language)
	add(p.Blocked == access.BlockedCard, "card when blocked")
	add(len(p.Suggestions) < 3, "suggestions "+strings.Join(p.Suggestions, " "))
	add(!p.Markdown, "plain text")
	add(p.MaxCards > 0, fmt.Sprintf("at most %d cards", p.MaxCards))
	add(p.Version3, "version 3.0")
	return strings.Join(parts, ", ")
}

func removeClient(ctx context.Context, args []string, env environment) error {
	return remove(ctx, "client remove", args, env, "CDS client", (*access.Store).RemoveClient)
}

func addServer(ctx context.Context, args []string, env environment) error {
	set := flags("server add", env)
	var allow words
	clientID := set.String("client-id", "", "ours at its authorization server: the subject of tokens that are meant for us")
	auth := set.String("auth", "none", "of reads on behalf of our own users: none, bearer or basic")
	secret := set.String("secret-file", "", "file with the bearer token, or user:password; - reads standard input")
	set.Var(&allow, "allow", "network that may be dialled besides public addresses, for example 10.20.0.0/16; may be repeated")
	disabled := set.Bool("disabled", false, "nobody reads from it")
	var o access.Options
	set.BoolVar(&o.Replace, "replace", false, "replace the registration of this name")
	set.BoolVar(&o.PlainHTTP, "plain-http", false, "an address without TLS is meant, for tests")
	name, rest := named(args)
	address, rest := named(rest)
	if err := parse(set, rest, 0, 0); err != nil {
		return err
	}
	if name == "" || address == "" {
		return usagef("server add: name and address are needed first")
	}
	s := access.Server{Name: name, ClientID: *clientID, Auth: access.Auth(*auth), Disabled: *disabled}
	var err error
	if s.Base, err = client.ParseBase(address, o.PlainHTTP); err != nil {
		return usagef("server add: %v", err)
	}
	if s.Allow, err = client.ParseAllow(allow); err != nil {
		return usagef("server add: %v", err)
	}
	if err := s.Check(); err != nil {
		return usagef("server add: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	hidden := ""
	if *secret != "" {
		raw, err := readAll(*secret)
		if err != nil {
			return usagef("server add: %s cannot be read", *secret)
		}
		hidden = strings.TrimSpace(string(raw))
	}
	store, done, err := registrations(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	if err := store.AddServer(operator(ctx, env), s, hidden, o); err != nil {
		return err
	}
	fmt.Fprintf(env.out, "FHIR server %s is registered\n", name)
	return nil
}

func listServers(ctx context.Context, args []string, env environment) error {
	store, done, err := listing(ctx, "server list", args, env)
	if err != nil {
		return err
	}
	defer done()
	list, err := store.Servers(ctx)
	if err != nil {
		return err
	}
	return table(env.out, "name\taddress\tauthorisation\tstate", len(list), func(i int) []string {
		s := list[i]
		state := "in use"
		switch {
		case s.Disabled:
			state = "disabled"
		case s.Problem() != nil:
			state = s.Problem().Error()
		}
		return []string{s.Name, s.Base.String(), string(s.Auth), state}
	})
}

func removeServer(ctx context.Context, args []string, env environment) error {
	return remove(ctx, "server remove", args, env, "FHIR server", (*access.Store).RemoveServer)
}

func listing(ctx context.Context, name string, args []string, env environment) (*access.Store, func(), error) {
	if err := parse(flags(name, env), args, 0, 0); err != nil {
		return nil, nil, err
	}
	return registrations(ctx, env)
}

func remove(ctx context.Context, command string, args []string, env environment, what string, do func(*access.Store, context.Context, string) error) error {
	set := flags(command, env)
	if err := parse(set, args, 1, 1); err != nil {
		return err
	}
	store, done, err := registrations(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	if err := do(store, operator(ctx, env), set.Arg(0)); err != nil {
		return err
	}
	fmt.Fprintf(env.out, "%s %s is removed\n", what, set.Arg(0))
	return nil
}

// table prints rows under a head, or that there is nothing.
func table(w io.Writer, head string, rows int, row func(int) []string) error {
	if rows == 0 {
		_, err := fmt.Fprintln(w, "none")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, head)
	for i := range rows {
		fmt.Fprintln(t, strings.Join(row(i), "\t"))
	}
	return t.Flush()
}
