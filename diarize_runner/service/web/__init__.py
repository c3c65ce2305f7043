"""The HTTP side of the service.

app          the application: the endpoints, within `protect`
routes/      the endpoints, one module for each API
    forms, names    the fields and queries that they share
    references      the fields of OpenAI that name speakers
    synchronous     submit, wait, and answer with the result
page/        the page, one document without a build step
service      what the endpoints share, and how a request waits for its job
    changes  wake the requests that wait for a job
metrics      what Prometheus reads
    gauges   those that are computed when it reads them
readiness    whether the server would take a job and run it
problems     Problem, and how it is sent                           RFC 9457
handlers     turn exceptions into problems
requests     request ids, one log line a request, security headers
access       keys, same-site checks, rates and upload slots, before a byte of the body is read
    origin, rates, steady
shared_check one readiness check, which the probes that come while it runs wait for
protect      put problems, requests and access around an application
openapi      print the OpenAPI document
    description, problem_schema    complete what FastAPI makes
"""
