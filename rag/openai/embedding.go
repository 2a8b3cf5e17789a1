package openai

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"sync"

	"cdss/rag/embed"
)

// Dimensions is what is asked of a model: more would not fit the index of vectors.
const Dimensions = 1024

// batch is how many texts one request holds.
const batch = 32

// remembered is how many vectors are kept by the hash of their text: questions come
// again, passages are kept by the database.
const remembered = 2000

type embeddingRequest struct {
	Model      string   `json:"model"`
	Input      []string `json:"input"`
	Dimensions int      `json:"dimensions"`
	Encoding   string   `json:"encoding_format"`
}

type embeddingReply struct {
	Data []struct {
		Index     int       `json:"index"`
		Embedding []float32 `json:"embedding"`
	} `json:"data"`
}

// Embedder gives vectors of a model. Each is checked and made of length 1.
type Embedder struct {
	*Client
	mu    sync.Mutex
	cache map[[sha256.Size]byte][]float32
}

// NewEmbedder makes an embedder.
func NewEmbedder(c *Client) *Embedder {
	return &Embedder{Client: c, cache: map[[sha256.Size]byte][]float32{}}
}

// Space implements embed.Embedder.
func (e *Embedder) Space() embed.Space {
	return embed.Space{Kind: embed.Online, Provider: e.Host(), Model: e.Model(), Dimensions: Dimensions, Version: "1"}
}

// Embed implements embed.Embedder. An empty text gives the zero vector and is not
// sent.
func (e *Embedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	var lack []int
	for i, text := range texts {
		if text == "" {
			out[i] = make([]float32, Dimensions)
		} else if out[i] = e.known(text); out[i] == nil {
			lack = append(lack, i)
		}
	}
	for from := 0; from < len(lack); from += batch {
		part := lack[from:min(from+batch, len(lack))]
		inputs := make([]string, len(part))
		for i, at := range part {
			inputs[i] = texts[at]
		}
		vectors, err := e.ask(ctx, inputs)
		if err != nil {
			return nil, err
		}
		for i, at := range part {
			out[at] = vectors[i]
			e.remember(texts[at], vectors[i])
		}
	}
	return out, nil
}

func (e *Embedder) ask(ctx context.Context, inputs []string) ([][]float32, error) {
	var reply embeddingReply
	vectors := make([][]float32, len(inputs))
	err := e.post(ctx, "embeddings", "/embeddings", embeddingRequest{
		Model: e.Model(), Input: inputs, Dimensions: Dimensions, Encoding: "float",
	}, &reply, func() error {
		data := reply.Data
		reply.Data = nil // of a retry
		if len(data) != len(inputs) {
			return fmt.Errorf("%d vectors for %d texts", len(data), len(inputs))
		}
		clear(vectors)
		for _, d := range data {
			if d.Index < 0 || d.Index >= len(vectors) || vectors[d.Index] != nil {
				return errors.New("the vectors are not numbered as the texts are")
			}
			v, err := unit(d.Embedding)
			if err != nil {
				return err
			}
			vectors[d.Index] = v
		}
		return nil
	})
	return vectors, err
}

// unit checks a vector and makes its length 1.
func unit(v []float32) ([]float32, error) {
	if len(v) != Dimensions {
		return nil, fmt.Errorf("a vector has %d dimensions instead of %d", len(v), Dimensions)
	}
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) || sum == 0 {
		return nil, errors.New("a vector has no direction")
	}
	length := math.Sqrt(sum)
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) / length)
	}
	return out, nil
}

func (e *Embedder) known(text string) []float32 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.cache[sha256.Sum256([]byte(text))]
}

func (e *Embedder) remember(text string, v []float32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.cache) >= remembered { // any one goes: it costs a request when asked again
		for key := range e.cache {
			delete(e.cache, key)
			break
		}
	}
	e.cache[sha256.Sum256([]byte(text))] = v
}
