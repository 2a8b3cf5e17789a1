package store

// IndexAbove lets a test index a space that is still small.
func (s *Store) IndexAbove(n int) { s.exactUpTo = n }
