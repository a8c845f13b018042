"""What the outside is told of jobs, and how it is signed (SPEC 9, Webhooks). Pure.

`events` names what can be told, `happened` reads it off a change, `payload` says it, `delivery`
makes the job that carries it, `signing` signs what is sent.
"""
