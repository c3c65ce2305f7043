"""The HTTP side of the service.

problems     Problem, and how it is sent                           RFC 9457
handlers     turn exceptions into problems
requests     request ids, one log line a request, security headers
access       keys, same-site checks, rates and upload slots, before a byte of the body is read
    origin, rates
page/        the page, one document without a build step
shared_check one readiness check, which the probes that come while it runs wait for
protect      put all of these around an application
"""
