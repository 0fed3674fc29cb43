// From Go, with the standard library:
//
//	memoryops serve
//	MEMORYOPS_API_KEY=$(cat ~/.local/share/memoryops/http.token) go run examples/http_client.go
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
)

// Problem is what the service says when it refuses (RFC 9457).
type Problem struct {
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy"`
}

func (p Problem) Error() string {
	if p.Remedy == "" {
		return fmt.Sprintf("%s (%s)", p.Detail, p.Kind)
	}
	return fmt.Sprintf("%s. %s (%s)", p.Detail, p.Remedy, p.Kind)
}

// memory asks the service and reads its answer into result.
func memory(method, path string, body, result any, idempotencyKey string) error {
	base := os.Getenv("MEMORYOPS_URL")
	if base == "" {
		base = "http://127.0.0.1:8765"
	}
	var sent io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(data)
	}
	request, err := http.NewRequest(method, base+path, sent)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("MEMORYOPS_API_KEY"))
	request.Header.Set("Content-Type", "application/json")
	if idempotencyKey != "" {
		request.Header.Set("Idempotency-Key", idempotencyKey)
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if reply.StatusCode >= 400 {
		var problem Problem
		if err := json.NewDecoder(reply.Body).Decode(&problem); err != nil {
			return err
		}
		return problem
	}
	return json.NewDecoder(reply.Body).Decode(result)
}

func main() {
	type item map[string]any
	var first, again struct{ ID string }
	buoy := item{"content": "The red buoy is off its place since Tuesday."}
	for _, added := range []any{&first, &again} {
		if err := memory("POST", "/v1/items", buoy, added, "buoy-1"); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("once:", first.ID == again.ID)

	var found struct{ Hits []struct{ Content string } }
	question := item{"query": "Which buoy is off its place?", "limit": 1}
	if err := memory("POST", "/v1/search", question, &found, ""); err != nil {
		log.Fatal(err)
	}
	fmt.Println("found:", found.Hits[0].Content)

	var nobody item
	fmt.Println("refused:", memory("GET", "/v1/items/nobody", nil, &nobody, ""))
}
