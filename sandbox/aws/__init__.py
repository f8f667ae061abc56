"""AWS on one machine: moto's services, corrected where they differ from AWS, and a host for Lambda functions.

Started by `python -m sandbox.aws PLAN`. `server` puts the parts together; `deploy` applies template.yaml to it.

What still differs from AWS, besides everything that moto leaves out:

- No permissions: policies are stored and not enforced. Each function has temporary keys of its own role, so the call
  log tells who called, and presigned URLs carry session tokens as they do on AWS.
- Of signatures only S3's are verified. What else differs there: `s3`.
- No memory limit, no reserved concurrency and no dead-letter queue for functions. The Python is the sandbox's own,
  whatever `Runtime` says; a function's `/tmp` is the machine's, its TMPDIR its own.
- An asynchronous invocation is retried at once, and EventBridge gives up after three attempts.
- Schedules are stored and never fire; alarms never change their state.
- Step Functions: no Express machines, no RedriveExecution, no activities, no logs; JSONata does not work.
"""
