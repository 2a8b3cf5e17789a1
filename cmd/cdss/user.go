package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"cdss/fhir/access"
	"cdss/fhir/issue"
	"cdss/fhir/smart"
)

// attachPeople gives the login its database, and makes the first administrator where
// the operator named a passphrase and nobody is registered.
func (h *house) attachPeople(ctx context.Context, pool *pgxpool.Pool) error {
	people := access.NewPeople(pool)
	if h.cfg.Auth == "required" {
		if err := h.firstAdmin(ctx, people); err != nil {
			return err
		}
	}
	h.people.Store(people)
	h.sessions.Attach(pool, people)
	h.background.Go(func() { h.sessions.Run(ctx) })
	return nil
}

// firstAdminName is whom CDSS_ADMIN_PASSPHRASE makes.
const firstAdminName = "admin"

func (h *house) firstAdmin(ctx context.Context, people *access.People) error {
	empty, err := people.Empty(ctx)
	if err != nil {
		return err
	}
	if h.cfg.AdminPassphrase == "" {
		if empty && h.cfg.OIDCIssuer == "" && !h.cfg.demoLogin() {
			h.log.Warn("nobody can log in yet: make an administrator with \"cdss user add NAME --passphrase-file FILE\", or set CDSS_ADMIN_PASSPHRASE once")
		}
		return nil
	}
	err = people.Bootstrap(ctx, firstAdminName, h.cfg.AdminPassphrase)
	switch {
	case issue.Is(err, issue.Conflict):
		h.log.Warn("CDSS_ADMIN_PASSPHRASE is not heeded: people are registered already. Remove it")
		return nil
	case err != nil:
		return fmt.Errorf("make the first administrator: %w", err)
	}
	h.log.Info("the first administrator was made; the passphrase has to be changed at the first login", "name", firstAdminName)
	return nil
}

func userCommands() []command {
	return []command{
		{"user add", "NAME [--roles ROLE,ROLE]", "register a person who may log in; the first one is the administrator", addUser},
		{"user list", "", "list the people", listUsers},
		{"user disable", "NAME", "let a person in no more, and end what runs", disableUser},
		{"user passphrase", "NAME", "give a person another passphrase", setPassphrase},
	}
}

// openPeople opens the people for a command, whose caller the audit trail names.
func openPeople(ctx context.Context, env environment) (context.Context, *access.People, func(), error) {
	_, pool, done, err := migrated(ctx, env)
	if err != nil {
		return nil, nil, nil, err
	}
	return operator(ctx, env), access.NewPeople(pool), done, nil
}

// passphraseOption declares the option and reads it: from a file or standard input, or
// one made at random, which is printed once. An argument could be seen by everybody on
// the machine.
func passphraseOption(set interface {
	String(name, value, usage string) *string
}) func(env environment) (string, error) {
	file := set.String("passphrase-file", "", "file with the passphrase; - reads standard input; without it one is made and printed")
	return func(env environment) (string, error) {
		if *file == "" {
			var b [15]byte
			rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
			text := base64.RawURLEncoding.EncodeToString(b[:])
			fmt.Fprintf(env.out, "passphrase: %s (shown once; has to be changed at the first login)\n", text)
			return text, nil
		}
		raw, err := readAll(*file)
		if err != nil {
			return "", usagef("%s cannot be read", *file)
		}
		return strings.TrimRight(string(raw), "\r\n"), nil
	}
}

func addUser(ctx context.Context, args []string, env environment) error {
	set := flags("user add", env)
	display := set.String("display", "", "as the person is shown; else the name")
	var roles words
	set.Var(&roles, "roles", "viewer, clinician, curator, approver, admin, auditor; may be repeated. The first person is an administrator")
	provider := set.Bool("provider", false, "logs in at the identity provider, which names the person so; no passphrase")
	breakGlass := set.Bool("break-glass", false, "make an administrator although there are some, for whoever has lost every way in; the audit trail tells")
	passphrase := passphraseOption(set)
	name, rest := named(args)
	if err := parse(set, rest, 0, 0); err != nil {
		return err
	}
	if name == "" {
		return usagef("user add: the name is needed first")
	}
	p := access.Person{ID: name, Display: *display}
	if p.Display == "" {
		p.Display = name
	}
	for _, r := range roles {
		p.Roles = append(p.Roles, smart.Role(r))
	}
	if err := p.Check(); err != nil {
		return usagef("user add: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	ctx, people, done, err := openPeople(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	empty, err := people.Empty(ctx)
	if err != nil {
		return err
	}
	admin := p.Smart().Has(smart.Admin)
	add := func(text string) error { return people.Add(ctx, p, text) }
	switch {
	case *provider:
		if err := add(""); err != nil {
			return err
		}
		fmt.Fprintf(env.out, "%s is registered and logs in at the identity provider\n", name)
		return nil
	case empty && (admin || len(p.Roles) == 0):
		add = func(text string) error { return people.Bootstrap(ctx, name, text) }
	case *breakGlass:
		add = func(text string) error { return people.BreakGlass(ctx, name, text) }
	case admin:
		return errors.New("an administrator is registered already and makes others at /admin; --break-glass makes one here all the same")
	case empty:
		return errors.New("the first person is the administrator: leave --roles away")
	case len(p.Roles) == 0:
		return usagef("user add: --roles is needed")
	}
	text, err := passphrase(env)
	if err != nil {
		return err
	}
	if err := add(text); err != nil {
		return err
	}
	fmt.Fprintf(env.out, "%s is registered\n", name)
	return nil
}

func listUsers(ctx context.Context, args []string, env environment) error {
	if err := parse(flags("user list", env), args, 0, 0); err != nil {
		return err
	}
	ctx, people, done, err := openPeople(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	list, err := people.List(ctx)
	if err != nil {
		return err
	}
	return table(env.out, "NAME\tSHOWN AS\tROLES\tLOGS IN\tLAST LOGIN", len(list), func(i int) []string {
		p := list[i]
		way, last := "not yet", "-"
		switch {
		case p.Disabled:
			way = "disabled"
		case p.Provider:
			way = "identity provider"
		case p.Passphrase:
			way = "passphrase"
		}
		if !p.LastLogin.IsZero() {
			last = moment(p.LastLogin)
		}
		return []string{p.ID, p.Display, orDash(strings.Join(roleNames(p.Roles), " ")), way, last}
	})
}

func disableUser(ctx context.Context, args []string, env environment) error {
	set := flags("user disable", env)
	enable := set.Bool("enable", false, "let the person in again")
	name, rest := named(args)
	if err := parse(set, rest, 0, 0); err != nil {
		return err
	}
	if name == "" {
		return usagef("user disable: the name is needed first")
	}
	ctx, people, done, err := openPeople(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	list, err := people.List(ctx)
	if err != nil {
		return err
	}
	for _, p := range list {
		if p.ID == name {
			if err := people.Change(ctx, name, p.Display, p.Roles, !*enable); err != nil {
				return err
			}
			fmt.Fprintf(env.out, "%s is %s\n", name, map[bool]string{true: "enabled", false: "disabled"}[*enable])
			return nil
		}
	}
	return fmt.Errorf("there is no person %q", name)
}

func setPassphrase(ctx context.Context, args []string, env environment) error {
	set := flags("user passphrase", env)
	passphrase := passphraseOption(set)
	name, rest := named(args)
	if err := parse(set, rest, 0, 0); err != nil {
		return err
	}
	if name == "" {
		return usagef("user passphrase: the name is needed first")
	}
	ctx, people, done, err := openPeople(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	text, err := passphrase(env)
	if err != nil {
		return err
	}
	if err := people.SetPassphrase(ctx, name, text); err != nil {
		return err
	}
	fmt.Fprintf(env.out, "%s has another passphrase; what ran of this person has ended\n", name)
	return nil
}
