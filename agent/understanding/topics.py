"""Words of what a request may be about: what we explain, and what we cannot do.

The other half of the lexicon, which says how they are written.
"""

TOPICS = {
    # what we explain
    "CONCEPT": "back it up;back this up;back everything up;restore;port;it free;free of charge;"
    "javascript;typescript;"
    "java;install;installation;update;upgrade;logs;password;login;browser;laptop;file size;"
    "learning rates;pay;open source;subscription;"
    "alpha;smoothing;"
    "clip;clipping;gradient;averaging;scheduler;weight decay;size;limit;limits;maximum;llm;"
    "provider;lora;rank;epoch;epochs;learning rate;"
    "batch;batch size;seed;overfit;overfitting;"
    "underfitting;hyperparameter;hyperparameters;parameter;parameters;baseline;baselines;tfidf;"
    "frozen;embedding;embeddings;accuracy;interval;confidence;confusion;f1;macro;precision;recall;"
    "split;splits;validation;test set;test file;format;formats;column;columns;label;labels;csv;tsv;"
    "jsonl;parquet;excel;delimiter;encoding;utf-8;duplicates;imbalance;imbalanced;finetune;"
    "finetuning;tuning;training;train;trained;dataset;datasets;data;finetuned;endpoint;"
    "endpoints;api;curl;"
    "python;rest;mcp;openai;client;key;keys;token;tokens;approval;approvals;approve;quote;model;"
    "models;base model;gpu;cpu;memory;onnx;int8;quantise;quantize;quantisation;quantization;"
    "adapter;adapters;adapter weights;export;backup;back up;thimble;thimble_llm;thimble_home;"
    "deploy;"
    "deployment;"
    "privacy;private;secure;security;license;licence;languages;chinese;english;multilingual;error;"
    "errors;classifier;classification;classes;class;text;rows;examples;examples;checkpoint;"
    "checkpoints;citations;documents;citation;docs;upload;weights;warm-up;warmup;dropout;decay;"
    "loss;loss mask;chat template;template;perplexity;chrf;exact match;prompt;system prompt;dpo;"
    "rlhf;instruction tuning;chat model;chat models;chatbot;language model;assistant;"
    "conversation;conversations;turns;softmax;probability;score;scores;majority;median;latency;report;run;runs;cancel;pause;"
    "command line;terminal;cli;chat",
    "PRIVACY": "stay;stays;leave;leaves;private;privacy;secure;secret;safe;cloud;internet;"
    "offline;sent;send;"
    "share;shared;third party;third parties;confidential;gdpr;telemetry",
    # what we cannot do
    "OUTSIDE": "poem;poems;joke;jokes;weather;song;essay;recipe;translate;translation;"
    "president;capital of;football;soccer;stock;stocks;news;email;movie;film;restaurant;flight;"
    "hotel room;haiku;article;lyrics;story;limerick;birthday;homework;horoscope;calendar;"
    "reminder;alarm;"
    "bitcoin;invoice;tweet;blog post;lottery;powerpoint;slides",
    "UNTRAINABLE": "image;images;whisper;recordings;stable diffusion;dall-e;midjourney;music;"
    "photo;photos;picture;pictures;audio;speech;voice;video;videos;"
    "from scratch;diffusion;regression;time series;object detection;draws;"
    "segmentation;pretrain;vision;multimodal",
    # how models can be taught that we do not do yet
    "ALIGN": "reinforcement;reinforcement learning;rlhf;dpo;kto;orpo;grpo;ppo;"
    "preference pairs;preference tuning;preference training;"
    "preference optimisation;preference optimization;reward model;preference data",
    # models that write, which are fine-tuned on conversations
    "CHATMODEL": "chatbot;chat bot;bot;chat model;chat models;chatbots;language model;"
    "language models;llm;llms;assistant;chat assistant;ai assistant;virtual assistant;gpt;"
    "causal model;dialogue model;dialog model;conversational model;chat finetuning;chat adapter;"
    "instruction model;chat lora;conversational ai;conversational agent;"
    "chat training;summariser;summarizer;summarisation;summarization;generates;generative;"
    "text generator;writes;translates;summarises;summarizes;text generation;replies like;"
    "answers like",
}
