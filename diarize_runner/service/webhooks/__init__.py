"""Tell a client's server that a job has ended: off unless `serve --webhooks FILE` allows hosts.

    allowed      the file: a secret, and the hosts that a submission may name           -> Webhooks
    target       the `webhook_url` of a submission                                      -> Target, or a 4xx
    addresses    the addresses of a host, without those inside the network
    sender       one request: pinned address, TLS, a signature, a deadline
    courier      send what is due, and again after a failure; the body of a thread

A delivery is added with its job, in one transaction (queue/deliveries.py), and is due when the job has ended. Any box
claims it with a lease, so that it survives each of them. A receiver may get it twice, with the same `webhook-id`.

A server that sends requests to addresses of its clients can be abused to reach what only it reaches. So the
administrator names the hosts; their addresses are checked after they are resolved, and the request goes to the checked
address: https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
Requests are signed as https://www.standardwebhooks.com/ says. They tell the job's id, state and task, no content.
"""
