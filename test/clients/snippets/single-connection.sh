# One event stream for any number of operations: reserve it, listen, start one on it, end it.
stream="http://127.0.0.1:4000/graphql/stream?token=$(curl -s -X PUT http://127.0.0.1:4000/graphql/stream)"
curl -sN "$stream" -H 'accept: text/event-stream' &
curl -s "$stream" -H 'content-type: application/json' -d '{
  "query": "subscription Images($id: ID!) { partialImages(operationId: $id) { sequence type } }",
  "variables": { "id": "'"$OPERATION_ID"'" }, "extensions": { "operationId": "images-1" } }'
curl -s -X DELETE "$stream&operationId=images-1"
