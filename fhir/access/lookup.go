package access

// Server gives a FHIR server that is registered and not switched off.
func (r *Registry) Server(name string) (Server, bool) {
	s := r.current.Load()
	if s == nil {
		return Server{}, false
	}
	server, ok := s.byServer[name]
	return server, ok && !server.Disabled && server.problem == nil
}

// ServerAt gives the registered FHIR server whose base an address is. An address below
// it is another one.
func (r *Registry) ServerAt(address string) (Server, bool) {
	s := r.current.Load()
	if s == nil {
		return Server{}, false
	}
	for _, server := range s.servers {
		if base, ok := server.Base.Match(address); ok && base.String() == server.Base.String() {
			return r.Server(server.Name)
		}
	}
	return Server{}, false
}
