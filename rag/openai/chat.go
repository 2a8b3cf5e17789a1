package openai

import (
	"context"
	"encoding/json"
	"errors"

	"cdss/rag/answer"
)

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type jsonSchema struct {
	Name   string          `json:"name"`
	Strict bool            `json:"strict"`
	Schema json.RawMessage `json:"schema"`
}

type responseFormat struct {
	Type       string      `json:"type"`
	JSONSchema *jsonSchema `json:"json_schema,omitempty"`
}

type chatRequest struct {
	Model       string         `json:"model"`
	Messages    []message      `json:"messages"`
	Temperature float64        `json:"temperature"`
	MaxTokens   int            `json:"max_tokens"`
	Format      responseFormat `json:"response_format"`
}

type chatReply struct {
	Choices []struct {
		Message struct {
			Content string `json:"content"`
		} `json:"message"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
}

// maxTokens bounds a reply: eight claims with their quotations and, for models that
// think aloud, some thinking.
const maxTokens = 4000

// Chat asks a model for JSON.
type Chat struct{ *Client }

// Name implements answer.Model.
func (c Chat) Name() string { return c.c.Model }

// Complete implements answer.Model: one reply at temperature 0.
func (c Chat) Complete(ctx context.Context, p answer.Prompt) (string, error) {
	var reply chatReply
	err := c.post(ctx, "chat", "/chat/completions", chatRequest{
		Model: c.c.Model, MaxTokens: maxTokens,
		Messages: []message{{"system", p.System}, {"user", p.User}},
		Format:   responseFormat{"json_schema", &jsonSchema{"answer", true, p.Schema}},
	}, &reply, func() error {
		switch {
		case len(reply.Choices) == 0:
			return errors.New("the reply has no choice")
		case reply.Choices[0].FinishReason == "length":
			return errors.New("the reply was cut off")
		case reply.Choices[0].Message.Content == "":
			return errors.New("the reply is empty")
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return reply.Choices[0].Message.Content, nil
}
